"""Commands of a job that a warm process runs: no caller can tell, whatever becomes of process, forks and callers."""

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time

import pytest

from bkagent.config.launching import self_command
from bkagent.system.stand_in import stand_in
from bkagent.system.stand_in.stand_in_script import SLOTS
from tests.fakes.control_plane import deadline
from tests.fakes.fake_leader import FakeLeader
from tests.fakes.warm_launchers import eventually

pytestmark = pytest.mark.skipif(not stand_in.AVAILABLE, reason="no process can stand in for another here")


@pytest.mark.parametrize("name", ["buildkite-agent", "bkagent"])
def test_a_command_speaks_under_the_name_it_was_called_by(warm, name):
    warm.program = os.path.join(warm.launchers, name)
    for how in ("cold", "warm"):
        if how == "warm":
            warm.wait()
        failed = warm.run("annotate", "--style", "none")
        assert failed.stderr.startswith(f"{name}: fatal: ".encode()) and failed.returncode == 1, how
        assert warm.run("annotate", "--help").stdout.startswith(f"Usage: {name} annotate".encode()), how
        assert warm.run("meta-data", "gett").stderr.startswith(f"{name}: unknown subcommand".encode()), how


def test_the_first_command_runs_by_itself_and_those_after_it_warm(warm):
    assert not warm.is_warm()
    warm.wait()


def timeless(ran):
    """What a command said on standard error, without the times."""
    return re.sub(rb"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ", b"", ran.stderr, flags=re.MULTILINE)


COMMANDS = {
    "a value": (("meta-data", "get", "key"), {}),
    "a missing key": (("meta-data", "exists", "missing"), {}),
    "an empty key": (("meta-data", "get", " "), {}),
    "an argument too many": (("meta-data", "get", "key", "more"), {}),
    "hostile words": (("env", "get", "ONE", "$(touch x)", "'", '"', "\n", "", "\u2603", "-", "*"), {}),
    "bytes that are no UTF-8": (("meta-data", "set", "key", os.fsdecode(b"\xff\xfe")), {}),
    "an unknown flag": (("annotate", "--nosuch"), {}),
    "help": (("step", "get", "--help"), {}),
    "a group": (("artifact",), {}),
    "an unknown command": (("meta-data", "nosuch"), {}),
    "standard input": (("redactor", "add"), {"input": b"secret one"}),
    "much standard input": (("meta-data", "set", "key"), {"input": b"x" * 900_000}),
    "empty standard input": (("annotate",), {"input": b""}),
    "a large environment": (("env", "dump"), {"env": {"LARGE": "x" * 100_000, "PWD": "/"}}),
    "no home": (("env", "dump"), {"env": {"HOME": "", "PWD": "/"}}),
}


def test_a_command_does_what_it_does_by_itself(warm, job, tmp_path):
    found = (200, {"key": "k", "value": "v"})
    job.server.routes["*"] = lambda request: (404, {}) if b"missing" in request.body else found
    warm.wait()
    for name, (words, how) in COMMANDS.items():
        job.server.seen.clear()
        ran = warm.run(*words, cwd=tmp_path, **how)
        requests = [(one.method, one.path, one.body) for one in job.server.seen]
        job.server.seen.clear()
        env = {**warm.environ, **how.get("env", {})}
        rest = {word: value for word, value in how.items() if word != "env"} or {"stdin": subprocess.DEVNULL}
        argv = self_command.command_of(warm.program, words)
        alone = subprocess.run(argv, env=env, cwd=tmp_path, capture_output=True, timeout=60, **rest)
        expected = (alone.returncode, alone.stdout, timeless(alone))
        assert (ran.returncode, ran.stdout, timeless(ran)) == expected, name
        assert requests == [(one.method, one.path, one.body) for one in job.server.seen], name
        assert warm.is_warm() and not (tmp_path / "x").exists(), name


def test_a_file_that_others_write_to_is_written_to_in_order(warm, tmp_path):
    warm.wait()
    script = 'echo before; "$0" env get ONE; echo between; "$0" env get ONE; echo after'
    for redirect in (">", ">>"):
        shell = f'{{ {script}; }} {redirect}"$1"'
        warm.shell(shell, str(tmp_path / "out"))
    lines = (tmp_path / "out").read_text().splitlines()
    assert lines == ["before", "1", "between", "1", "after"] * 2


def test_a_file_that_others_read_from_keeps_its_place(warm, job, tmp_path):
    warm.wait()
    job.server.routes["*"] = (200, {})
    (tmp_path / "in").write_text("one\ntwo\n")
    shell = 'read -r first; "$0" meta-data set key; cat'
    with open(tmp_path / "in", "rb") as file:
        ran = warm.shell(shell, stdin=file)
    assert json.loads(job.server.seen[-1].body)["value"] == "two\n" and ran.stdout == b""


def test_a_pipe_between_commands_and_a_reader_that_has_left(warm):
    warm.wait()
    shell = '"$0" env get ONE | cat; "$0" env dump | true; echo end'
    ran = warm.shell(shell)
    assert ran.stdout == b"1\nend\n"


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_closed_files_are_as_by_itself(warm, closed):
    warm.wait()
    ran = warm.shell(f'"$0" env get ONE {closed}')
    assert ran.stdout == (b"" if closed == ">&-" else b"1\n")
    assert warm.is_warm()


def test_a_substituted_file_is_read(warm):
    if shutil.which("bash") is None:
        pytest.skip("there is no bash here")
    warm.wait()
    shell = '"$0" pipeline upload --dry-run <(echo "steps: [wait]")'
    ran = warm.shell(shell, shell="bash")
    assert b'"wait"' in ran.stdout, ran


def test_the_working_directory_may_be_gone(warm, tmp_path):
    warm.wait()
    shell = 'mkdir gone && cd gone && rmdir ../gone && "$0" env get ONE'
    ran = warm.shell(shell, cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (0, b"1\n"), ran


def test_umask_limits_and_priority_are_the_callers(warm, hanging):
    warm.wait()
    shell = 'umask 027; ulimit -n 77; exec "$0" meta-data get key'
    files = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    with subprocess.Popen(["nice", "-n", "3", "sh", "-c", shell, warm.program], env=warm.environ, **files) as caller:
        assert hanging.wait(10)
        (fork,) = warm.forks()
        with open(f"/proc/{fork}/status", encoding="ascii") as file:
            assert "Umask:\t0027\n" in file.read()
        with open(f"/proc/{fork}/limits", encoding="ascii") as file:
            assert next(line for line in file if line.startswith("Max open files")).split()[3] == "77"
        assert os.getpriority(os.PRIO_PROCESS, fork) == os.getpriority(os.PRIO_PROCESS, 0) + 3
        caller.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGHUP, signal.SIGINT])
def test_a_caller_that_dies_takes_its_fork_along(warm, hanging, number):
    warm.wait()
    with warm.start("meta-data", "get", "key") as caller:
        assert hanging.wait(10)
        (fork,) = warm.forks()
        caller.send_signal(number)
        assert caller.wait(10) == -number
    assert eventually(lambda: not os.path.exists(f"/proc/{fork}") and warm.slots() == [])
    assert warm.is_warm()


def test_a_fork_waits_for_its_caller_and_another_one_for_the_next(warm, hanging):
    warm.wait()
    spare = warm.spare()
    with warm.start("meta-data", "get", "key") as caller:
        assert hanging.wait(10)
        assert warm.forks() == [spare] and warm.spare() != spare
        caller.kill()


def test_a_caller_is_answered_when_the_waiting_fork_is_killed(warm):
    warm.wait()
    spare = warm.spare()
    os.kill(spare, signal.SIGSTOP)
    with warm.start("env", "get", "ONE", stdout=subprocess.PIPE) as caller:
        assert eventually(warm.slots)
        os.kill(spare, signal.SIGKILL)
        assert (caller.communicate(timeout=20)[0], caller.returncode) == (b"1\n", 0)
    assert warm.is_warm() and warm.spare() != spare


def test_a_waiting_fork_ends_with_its_process(warm):
    warm.wait()
    spare = warm.spare()
    os.kill(warm.pid, signal.SIGKILL)
    assert eventually(lambda: not os.path.exists(f"/proc/{spare}"))


def test_a_fork_that_is_killed_kills_its_caller(warm, hanging):
    warm.wait()
    with warm.start("meta-data", "get", "key") as caller:
        assert hanging.wait(10) and eventually(warm.watches)
        (fork,) = warm.forks()
        os.kill(fork, signal.SIGKILL)
        assert caller.wait(10) == -signal.SIGKILL
    assert eventually(lambda: warm.slots() == [])


def test_a_process_that_is_killed_leaves_its_forks_at_work_and_another_one_follows(warm, job):
    asked, go = threading.Event(), threading.Event()

    def route(request):
        asked.set()
        go.wait(20)
        return 200, {"key": "k", "value": "v"}

    job.server.routes["*"] = route
    warm.wait()
    with warm.start("meta-data", "get", "key", stdout=subprocess.PIPE) as caller:
        assert asked.wait(10)
        first = warm.pid
        os.kill(first, signal.SIGKILL)
        patient = deadline()
        while not warm.is_warm() or warm.pid in (0, first):
            assert patient(), warm.said
        go.set()
        assert (caller.communicate(timeout=15)[0], caller.returncode) == (b"v", 0)
    assert len(job.server.seen) == 1


def test_commands_run_by_themselves_once_the_agent_is_gone(warm):
    warm.wait()
    pid = warm.pid
    warm.commands.close()
    assert eventually(lambda: not os.path.exists(f"/proc/{pid}"))
    assert not warm.is_warm()
    with open(os.path.join(warm.calls, "server"), "w", encoding="ascii") as file:
        file.write(f"{os.getpid()} 0\n")  # a number that another process has by now
    assert not warm.is_warm()


def test_nothing_is_made_for_callers_before_the_first(warm):
    patient = deadline()
    while not warm.pid:
        assert patient(), warm.said
    assert sorted(os.listdir(warm.calls)) == ["lock", "queue", "server"]
    ran = warm.run("env", "get", "ONE")
    assert (ran.stdout, ran.stderr) == (b"1\n", b"")
    warm.wait()
    assert sum(name.startswith("answer") for name in os.listdir(warm.calls)) == SLOTS


def test_no_caller_waits_where_what_answers_callers_cannot_be_made(warm, monkeypatch):
    make = os.mkfifo

    def fail_at_last(path, mode):
        if path.endswith(f"answer{SLOTS - 1}"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        make(path, mode)

    monkeypatch.setattr(os, "mkfifo", fail_at_last)
    assert eventually(lambda: warm.pid)
    assert warm.run("env", "get", "ONE").stdout == b"1\n"
    assert eventually(lambda: any("No space left" in text for text in warm.said))
    assert warm.run("env", "get", "ONE").stdout == b"1\n"
    assert warm.pid == 0


def test_an_agent_that_shares_the_launchers_follows(warm):
    warm.wait()
    other = warm.agent()
    try:
        pid = warm.pid
        warm.commands.close()
        assert eventually(lambda: warm.is_warm() and warm.pid not in (0, pid)), warm.said
    finally:
        other.close()


# In the soak tier more than there are slots, so that some run by themselves.
@pytest.mark.parametrize("count", [80, pytest.param(2 * SLOTS, marks=pytest.mark.soak)])
def test_many_at_once(warm, count):
    warm.wait()
    shell = 'for i in $(seq "$1"); do "$0" env get ONE "$i" >/dev/null 2>&1 || "$0" env get ONE & done; wait'
    ran = warm.shell(shell, str(count))
    assert ran.stdout == b"1\n" * count, ran.stderr
    assert eventually(lambda: warm.slots() == []) and warm.is_warm()


def test_a_command_that_finds_no_slot_runs_by_itself(warm):
    warm.wait()
    assert eventually(lambda: warm.slots() == [])  # the slot of the last command is freed after that has ended
    for slot in range(SLOTS):
        with open(os.path.join(warm.calls, f"slot{slot}"), "x", encoding="ascii") as file:
            file.write(f"{os.getpid()}\n")  # which lives
    assert warm.run("env", "get", "ONE").stdout == b"1\n"
    assert len(warm.slots()) == SLOTS


def test_a_warm_command_that_waits_for_a_lock_ends_with_its_caller(warm, tmp_path):
    warm.environ["BUILDKITE_SOCKETS_PATH"] = str(tmp_path / "s")
    warm.wait()
    with FakeLeader(tmp_path / "s") as leader:
        leader.states["key"] = "taken"
        with warm.start("lock", "acquire", "key") as caller:
            assert leader.wait_seen("PATCH", 2)
            forks = warm.forks()
            assert len(forks) == 1 and forks != [caller.pid]
            caller.terminate()
            assert caller.wait(60) == -signal.SIGTERM
        assert eventually(lambda: warm.forks() == [])
        leader.swap("key", "taken", "")
        assert warm.run("lock", "acquire", "key").stdout.decode().strip() == leader.states["key"]


def test_times_are_those_of_the_callers_zone(warm):
    warm.wait()
    for zone, hour in (("UTC0", 0), ("XXX-5", 5)):
        before = time.gmtime().tm_hour
        said = warm.run("redactor", "add", env={"TZ": zone}, input=b"secret").stderr
        assert int(said[11:13]) in ((before + hour) % 24, (time.gmtime().tm_hour + hour) % 24), said


def test_slots_without_a_holder_are_freed_when_a_process_starts(warm):
    warm.wait()
    pid = warm.pid
    warm.commands.close()
    assert eventually(lambda: not os.path.exists(f"/proc/{pid}"))
    for slot in range(SLOTS):
        with open(os.path.join(warm.calls, f"slot{slot}"), "w", encoding="ascii") as file:
            file.write("" if slot % 2 else "999999999\n")
            file.flush()
            os.utime(file.fileno(), (0, 0))  # the first agent still answers for a moment, and may free it already
    other = warm.agent()
    try:
        assert eventually(lambda: warm.slots() == []), warm.slots()
        warm.wait()
    finally:
        other.close()


def test_lines_that_are_no_requests_are_passed_over(warm):
    warm.wait()
    with open(os.path.join(warm.calls, "queue"), "wb", buffering=0) as queue:
        queue.write(b"x\n1 2 3\n-1 -1\n1 0\n99999999999 5\n" + b"\0" * 100 + b"\n" + b"1 31\n")
    assert warm.is_warm()


def test_a_caller_that_is_preferred_runs_by_itself_and_leaves_nothing_open(warm):
    if os.geteuid() != 0:
        pytest.skip("only root can be preferred")
    warm.wait()
    # More than are open for a moment while a fork begins: these are counted here.
    watched = {pid: len(os.listdir(f"/proc/{pid}/fd")) for pid in (warm.pid, warm.spare())}
    for _ in range(6):
        assert not warm.is_warm(through=("nice", "-n", "-1"))
    assert eventually(lambda: all(len(os.listdir(f"/proc/{pid}/fd")) <= count for pid, count in watched.items()))


@pytest.mark.parametrize("locale", ["de_DE.ISO-8859-1", "ja_JP.eucJP"])
def test_a_caller_whose_texts_are_not_utf_8_runs_by_itself(warm, locale):
    warm.wait()
    assert not warm.is_warm(env={"LC_ALL": locale})


def test_a_caller_in_another_namespace_runs_by_itself(warm):
    warm.wait()
    if subprocess.run(["unshare", "-r", "true"], capture_output=True).returncode:
        pytest.skip("this machine permits no user namespaces")
    assert not warm.is_warm(through=("unshare", "-r"))


def test_what_a_job_says_does_not_change_which_code_runs(warm, tmp_path):
    (tmp_path / "json.py").write_text("raise SystemExit('mine')")
    warm.wait()
    env = {"PYTHONPATH": str(tmp_path), "PYTHONSTARTUP": str(tmp_path / "json.py"), "PYTHONHOME": str(tmp_path)}
    assert warm.is_warm(env=env, cwd=tmp_path)
    assert warm.run("env", "get", "ONE", env=env, cwd=tmp_path).stdout == b"1\n"


def test_a_folder_that_cannot_be_written_to_is_no_obstacle(warm):
    warm.wait()
    os.chmod(warm.calls, 0o500)
    try:
        assert not warm.is_warm() or os.geteuid() == 0
    finally:
        os.chmod(warm.calls, 0o700)
