"""Commands that one fork runs one after the other: each is as if it had a process of its own."""

import contextlib
import os
import signal
import subprocess
import sys

import pytest

from bkagent.cli.commands.command_process import LEAVING_NOTHING
from bkagent.config.launching.self_command import code_root
from bkagent.localapi.job_server import JobServer
from bkagent.system.stand_in import stand_in
from tests.cli_in_job.conftest import JOB_ID, FakeJobState
from tests.fakes.fake_leader import FakeLeader
from tests.fakes.scripted_server import Answer
from tests.fakes.warm_launchers import WarmLaunchers, eventually

pytestmark = pytest.mark.skipif(not stand_in.AVAILABLE, reason="no process can stand in for another here")


def test_commands_that_end_at_once_are_run_by_one_fork(warm):
    warm.wait()
    spare = warm.spare()
    for _ in range(3):
        assert warm.run("env", "get", "ONE").stdout == b"1\n"
    assert warm.spare() == spare
    assert eventually(lambda: warm.slots() == [])


@pytest.mark.raced
def test_a_fork_that_waits_holds_nothing_of_its_last_caller(warm, tmp_path):
    warm.wait()
    spare = 0
    while spare != warm.spare():  # a fork opens files until its first caller has come
        spare = warm.spare()
        assert warm.run("env", "get", "ONE").returncode == 0
    assert eventually(lambda: not any("answer" in name for name in files_of(spare)))
    names = files_of(spare)
    with open(tmp_path / "input", "w+b") as stdin, open(tmp_path / "output", "w+b") as stdout:
        caller = warm.start("env", "get", "ONE", cwd=tmp_path, stdin=stdin, stdout=stdout)
        assert caller.wait(20) == 0
    assert (tmp_path / "output").read_bytes() == b"1\n"
    assert warm.spare() == spare and os.readlink(f"/proc/{spare}/cwd") == "/"
    assert eventually(lambda: files_of(spare) == names)
    assert {os.readlink(f"/proc/{spare}/fd/{number}") for number in (1, 2)} == {os.devnull}


def files_of(pid):
    """Return the names of a process's open files; of those that are closed meanwhile none."""
    names = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            names.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
    return sorted(names)


def sockets_of(pid):
    return [name for name in files_of(pid) if name.startswith("socket:")]


def test_a_connection_to_the_job_is_kept_for_its_next_command(warm):
    warm.wait()
    spare = warm.spare()
    assert warm.run("env", "get", "ONE").stdout == b"1\n"
    kept = sockets_of(spare)
    assert warm.run("env", "get", "TWO").returncode == 0
    assert sockets_of(spare) == kept and len(kept) == 1 and warm.spare() == spare


def test_a_connection_to_another_job_or_one_that_has_ended_is_not_used(warm, job, tmp_path):
    job.server.routes["*"] = (200, {"key": "k", "value": "v"})
    state = FakeJobState()
    state.variables = {"ONE": "other"}
    other = JobServer(str(tmp_path / "o"), state, None)
    path, token = other.start()
    env = {"BUILDKITE_AGENT_JOB_API_SOCKET": path, "BUILDKITE_AGENT_JOB_API_TOKEN": token}
    try:
        warm.wait()
        spare = warm.spare()
        for _ in range(2):
            assert warm.run("env", "get", "ONE").stdout == b"1\n"
            assert warm.run("env", "get", "ONE", env=env).stdout == b"other\n"
        assert warm.spare() == spare
    finally:
        other.stop()
    assert warm.run("env", "get", "ONE", env=env).returncode == 1
    assert warm.run("env", "get", "ONE").stdout == b"1\n"


def test_a_socket_of_the_same_path_gets_nothing_of_another_job_by_the_connection_that_is_kept(warm, job, tmp_path):
    path = str(tmp_path / "job.sock")
    state = FakeJobState()
    state.variables = {"ONE": "other"}
    other = JobServer(str(tmp_path / "o"), state, None)
    other_path, other_token = other.start()
    os.symlink(other_path, path)
    try:
        warm.wait()
        spare = warm.spare()
        env = {"BUILDKITE_AGENT_JOB_API_SOCKET": path, "BUILDKITE_AGENT_JOB_API_TOKEN": other_token}
        assert warm.run("env", "get", "ONE", env=env).stdout == b"other\n"
        os.unlink(path)
        os.symlink(job.environ["BUILDKITE_AGENT_JOB_API_SOCKET"], path)
        assert warm.run("env", "get", "ONE", env={"BUILDKITE_AGENT_JOB_API_SOCKET": path}).stdout == b"1\n"
        assert warm.spare() == spare
    finally:
        other.stop()


def test_each_command_has_its_callers_environment_folder_umask_and_input(warm, tmp_path):
    warm.wait()
    spare = warm.spare()
    for name, mask in (("one", "077"), ("two", "022")):
        folder = tmp_path / name
        folder.mkdir()
        shell = f'umask {mask}; echo "steps: [label: $NAME$OTHER]" | "$0" pipeline upload --dry-run --format yaml'
        shell = shell.replace("$NAME", "${NAME-none}").replace("$OTHER", "${OTHER-none}")
        ran = warm.shell(f"{name.upper()}=1 NAME={name} sh -c '{shell}' \"$0\"", cwd=folder)
        assert f"label: {name}none".encode() in ran.stdout, ran
    assert warm.shell('cd / && "$0" env get ONE').stdout == b"1\n"
    assert warm.spare() == spare


@pytest.mark.parametrize(
    "words", [("meta-data", "get", "key"), ("annotate", "--style", "none"), ("meta-data", "nosuch"), ("env", "dump")]
)
def test_a_command_that_fails_or_may_leave_something_ends_its_fork(warm, job, words):
    job.server.routes["*"] = (404, {"message": "no"})
    warm.wait()
    spare = warm.spare()
    warm.run(*words)
    assert eventually(lambda: not os.path.exists(f"/proc/{spare}"))
    assert warm.is_warm() and eventually(lambda: warm.slots() == [])


def test_a_caller_with_limits_of_its_own_leaves_them_to_no_other(warm):
    warm.wait()
    spare = warm.spare()
    assert warm.shell('ulimit -n 77; "$0" env get ONE').stdout == b"1\n"
    assert eventually(lambda: not os.path.exists(f"/proc/{spare}"))
    assert warm.shell('"$0" env get ONE; ulimit -n').stdout.split()[0] == b"1"


def test_output_that_found_no_room_goes_to_no_other_caller(warm):
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no device that is always full")
    warm.wait()
    spare = warm.spare()
    assert warm.shell('"$0" env get ONE >/dev/full').returncode == 1
    assert warm.run("env", "get", "TWO").stdout == b'line "a"\nb\n'
    assert warm.spare() != spare


def test_a_fork_whose_command_takes_long_serves_again_and_others_do_not_wait(warm, job, hanging):
    warm.wait()
    spare = warm.spare()
    with warm.start("meta-data", "get", "key", stdout=subprocess.PIPE) as caller:
        assert hanging.wait(10)
        for _ in range(3):
            assert warm.run("env", "get", "ONE").stdout == b"1\n"
        assert warm.forks() == [spare] or spare in warm.children()
        hanging.over.set()
        assert (caller.communicate(timeout=20)[0], caller.returncode) == (b"v", 0)
    assert warm.run("env", "get", "ONE").stdout == b"1\n"
    assert eventually(lambda: warm.slots() == []) and len(warm.children()) == 1


def test_others_do_not_wait_either_where_the_agent_was_started_with_alarms_blocked(tmp_path, job, hanging):
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGALRM,))
    try:
        warm = WarmLaunchers(tmp_path, job.environ)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    try:
        warm.wait().spare()
        with warm.start("meta-data", "get", "key") as caller:
            assert hanging.wait(10)
            assert warm.run("env", "get", "ONE").stdout == b"1\n"
            assert caller.poll() is None
            hanging.over.set()
            assert caller.wait(20) == 0
    finally:
        warm.commands.close()


def test_a_caller_that_is_interrupted_harms_no_other(warm, hanging):
    warm.wait()
    for number in (signal.SIGINT, signal.SIGKILL):
        hanging.clear()
        with warm.start("meta-data", "get", "key") as caller:
            assert hanging.wait(10)
            caller.send_signal(number)
            assert caller.wait(10) == -number
        ran = warm.run("env", "get", "ONE")
        assert (ran.returncode, ran.stdout) == (0, b"1\n"), ran
    assert eventually(lambda: warm.slots() == [] and warm.forks() == [])


def stopped_after_its_turn(warm):
    """Return a caller, stopped before it hears how its command has ended, and the fork, which serves others by then."""
    while True:
        spare = warm.spare()
        caller = warm.start("redactor", "add", stdin=subprocess.PIPE)
        assert eventually(warm.forks)
        caller.send_signal(signal.SIGSTOP)
        caller.stdin.close()
        if warm.spare() == spare:
            return caller, spare
        go_on(caller)  # its command took so long that the fork is its own


def go_on(caller):
    caller.send_signal(signal.SIGCONT)
    assert caller.wait(20) == 0


def test_a_caller_that_leaves_after_its_fork_has_ended_keeps_no_slot(warm):
    caller, spare = stopped_after_its_turn(warm.wait())
    assert warm.run("meta-data", "nosuch").returncode != 0
    assert eventually(lambda: not os.path.exists(f"/proc/{spare}"))
    go_on(caller)
    assert eventually(lambda: warm.slots() == [])


def test_a_fork_that_is_one_callers_for_long_holds_no_line_to_others(warm, hanging):
    caller, spare = stopped_after_its_turn(warm.wait())
    with warm.start("meta-data", "get", "key") as other:
        assert hanging.wait(10)
        assert warm.spare() != spare
        assert sum("answer" in name for name in files_of(spare)) == 1
        go_on(caller)
        hanging.over.set()
        assert other.wait(20) == 0


def test_callers_at_once_get_each_their_own(warm, tmp_path):
    warm.wait()
    shell = (
        'for i in $(seq 40); do echo "steps: [label: l$i-\\$N]" | N=$i "$0" pipeline upload --dry-run --format yaml '
        '>"$1/$i" & done; wait; for i in $(seq 40); do grep -q "label: l$i-$i\\$" "$1/$i" || echo "$i is wrong"; done'
    )
    assert warm.shell(shell, str(tmp_path)).stdout == b""


# Runs each command of the table in one process, which then must not hold any text of it.
HELD = """
import gc, os, sys, time
sys.path.insert(0, sys.argv.pop(1))
from bkagent.cli import main
from bkagent.cli.commands import command_process
mark = sys.argv[1][::-1]  # what the interpreter was started with it holds to its end


def texts(thing):
    for held in gc.get_referents(thing):
        if isinstance(held, (str, bytes, bytearray)):
            yield held
        elif not gc.is_tracked(held):
            yield from texts(held)


def holders():
    gc.collect()
    for thing in gc.get_objects():
        for text in texts(thing):
            text = text if isinstance(text, str) else bytes(text).decode("latin-1")
            if mark in text and thing is not globals():
                yield f"{type(thing).__name__}: {str(thing)[:300]}"


def run(words, env, number):
    null = os.open(os.devnull, os.O_RDWR)
    stdin = os.open("input", os.O_RDONLY)
    command_process.begin({**env, "MARK": f"value-{mark}-{number}"}, (stdin, null, 2))
    status = main.main([word.replace("MARK", f"{mark}-{number}") for word in words], dict(os.environ))
    command_process.begin({}, (null, null, 2))
    os.close(stdin)
    os.close(null)
    return status


env = dict(os.environ)
for number in range(2):
    status = run(sys.argv[2:], env, number)
    assert status in (0, 100), status
del number
sys.argv[1:], env = [], {}
ended_at = time.monotonic()
left = list(holders())
while left and time.monotonic() < ended_at + 30:  # a thread of an upload may be at its last lines
    time.sleep(0.01)
    left = list(holders())
sys.exit("\\n".join(left) if left else 0)
"""
MARK = "6d61726b"
LOCKED = {"lock done": "doing", "lock release": "token"}
COMMANDS = {
    "annotate": ["annotate", "body MARK", "--context", "MARK"],
    "annotation remove": ["annotation", "remove", "--context", "MARK"],
    "artifact upload": ["artifact", "upload", "f-MARK"],
    "env get": ["env", "get", "ONE"],
    "env set": ["env", "set", "A=MARK"],
    "env unset": ["env", "unset", "MARK"],
    "lock acquire": ["lock", "acquire", "MARK"],
    "lock do": ["lock", "do", "MARK"],
    "lock done": ["lock", "done", "MARK"],
    "lock get": ["lock", "get", "MARK"],
    "lock release": ["lock", "release", "MARK", "token"],
    "meta-data exists": ["meta-data", "exists", "MARK"],
    "meta-data get": ["meta-data", "get", "MARK"],
    "meta-data keys": ["meta-data", "keys"],
    "meta-data set": ["meta-data", "set", "MARK", "value-MARK"],
    "meta-data set-batch": ["meta-data", "set-batch", "MARK=1"],
    "pipeline upload": ["pipeline", "upload"],
    "redactor add": ["redactor", "add"],
    "step get": ["step", "get", "label", "--step", "MARK"],
    "step update": ["step", "update", "label", "MARK", "--step", "MARK"],
}


def test_the_table_has_each_command_that_leaves_nothing():
    assert set(COMMANDS) == LEAVING_NOTHING


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_no_text_of_a_command_is_held_after_it(job, tmp_path, name):
    action = {"url": job.server.url + "/form", "method": "POST", "path": "/form", "file_input": "file"}
    record = {"artifact_ids": ["i"], "upload_instructions": {"action": action, "data": {}}}
    job.server.routes.update({
        "*": (200, {"key": "k", "value": f"v-{MARK}", "output": MARK, "keys": [MARK], "exists": True}),
        f"POST /v3/jobs/{JOB_ID}/artifacts": (201, record), "POST /form": Answer(204),
        f"POST /v3/jobs/{JOB_ID}/data/keys": (200, [MARK]),
    })  # fmt: skip
    for number in range(2):
        (tmp_path / f"f-{MARK}-{number}").write_text(MARK)
    (tmp_path / "input").write_text(f"steps: [label: '{MARK} ${{MARK}}']")
    job.environ["BUILDKITE_SOCKETS_PATH"] = str(tmp_path / "l")
    with FakeLeader(tmp_path / "l") as leader:
        if name in ("lock done", "lock release"):
            leader.states.update({f"{MARK}-{number}": LOCKED[name] for number in range(2)})
        argv = [sys.executable, "-I", "-S", "-c", HELD, code_root(), MARK[::-1], *COMMANDS[name]]
        ran = subprocess.run(argv, cwd=tmp_path, env=job.environ, capture_output=True, timeout=60)
    assert ran.returncode == 0, ran
