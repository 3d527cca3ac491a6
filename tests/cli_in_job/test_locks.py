"""Commands about locks while an agent of the reference leads, and while none does."""

import contextlib
import os
import re
import signal
import subprocess
import threading

import pytest

from bkagent.config.launching import self_command
from bkagent.localapi.leader.lock_routes import LockRoutes
from bkagent.localapi.leader.lock_table import LockTable
from bkagent.system import file_lock
from tests.fakes.fake_leader import FakeLeader
from tests.localapi.leader.lock_site import ServedSocket

pytestmark = pytest.mark.skipif(os.sep == "\\", reason="Unix sockets")

TOKEN = re.compile(rb"acquired\(pid=(\d+),otp=[0-9a-f]{32}\)\n")


@pytest.fixture
def locks(outside, tmp_path):
    """Return a job whose sockets lie in a folder of the test."""
    outside.environ["BUILDKITE_SOCKETS_PATH"] = str(tmp_path / "s")
    return outside


@pytest.fixture
def leader(locks, tmp_path):
    with FakeLeader(tmp_path / "s") as leading:
        yield leading


@contextlib.contextmanager
def waiting(locks, *words):
    """Run a command that has to wait, in the background."""
    argv = self_command.command(["lock", *words])
    how = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(argv, env=locks.environ, **how) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def test_acquire_prints_the_token_that_releases(locks, leader):
    acquired = locks.run("lock", "acquire", "key")
    assert TOKEN.fullmatch(acquired.stdout) and acquired.stderr == b""
    token = acquired.stdout.decode().strip()
    assert leader.states["key"] == token
    assert locks.run("lock", "get", "key").stdout.decode() == token + "\n"
    assert locks.run("lock", "release", "key", token).stdout == b""
    assert locks.run("lock", "get", "key").stdout == b"\n"


def test_the_token_names_the_process_of_the_command(locks, leader):
    leader.states["key"] = "taken"
    with waiting(locks, "acquire", "key") as process:
        assert leader.wait_seen("PATCH")
        leader.swap("key", "taken", "")
        out, _ = process.communicate(timeout=60)
    assert int(TOKEN.fullmatch(out)[1]) == process.pid and process.returncode == 0


@pytest.mark.parametrize(
    "state, says", [("", b"already unlocked\n"), ("doing", b'invalid lock state "doing"\n'), ("\x01", b'"\\x01"\n')]
)
def test_releasing_what_the_token_does_not_hold(locks, leader, state, says):
    leader.states["key"] = state
    failed = locks.run("lock", "release", "key", "token", expect=1)
    assert failed.stderr.startswith(b"bkagent: fatal: could not release lock: ") and failed.stderr.endswith(says)
    assert leader.states["key"] == state


def test_work_that_is_done_once(locks, leader):
    assert locks.run("lock", "do", "key").stdout == b"do\n"
    assert leader.states["key"] == "doing"
    with waiting(locks, "do", "key") as other:
        assert leader.wait_seen("PATCH", 3)
        assert locks.run("lock", "done", "key").stdout == b""
        assert other.communicate(timeout=60)[0] == b"done\n"
    again = locks.run("lock", "done", "key", expect=1)
    assert b'fatal: couldn\'t complete do-once lock: invalid lock state "done"\n' in again.stderr
    never = locks.run("lock", "done", "other", expect=1)
    assert b'invalid lock state ""\n' in never.stderr


def test_a_key_of_another_kind(locks, leader):
    leader.states.update(mutex="acquired(pid=1,otp=0)", once="done")
    failed = locks.run("lock", "do", "mutex", expect=1)
    assert b'couldn\'t start do-once lock: invalid lock state "acquired(pid=1,otp=0)"' in failed.stderr
    failed = locks.run("lock", "acquire", "once", expect=1)
    assert b'could not acquire lock: invalid lock state "done"' in failed.stderr


@pytest.mark.parametrize(
    "command, state, unmet", [("acquire", "taken", b"it was not free"), ("do", "doing", b"the work was not done")]
)
def test_a_wait_ends_by_its_time_limit(locks, leader, command, state, unmet):
    leader.states["key"] = state
    failed = locks.run("lock", command, "key", "--lock-wait-timeout", "150ms", expect=1)
    assert failed.stderr.endswith(b": " + unmet + b" within 0.15s\n") and failed.stdout == b""
    assert leader.states["key"] == state


@pytest.mark.parametrize("key", ["a b/c?d=e&f \u2603", "%41", "+", "-", "\n", os.fsdecode(b"\xff\xfe"), "x" * 4000])
def test_odd_keys(locks, leader, key):
    token = locks.run("lock", "acquire", "--", key).stdout.decode().strip()
    assert leader.states == {key: token}
    assert locks.run("lock", "get", "--", key).stdout.decode() == token + "\n"


def test_an_empty_key_is_refused(locks, leader):
    assert b"the key of a lock cannot be empty" in locks.run("lock", "get", "", expect=1).stderr


@pytest.mark.parametrize("words", [["--slots", "2"], ["--ttl", "1m"]])
def test_what_the_leader_does_not_know_is_refused(locks, leader, words):
    failed = locks.run("lock", "acquire", "key", *words, expect=1)
    assert f"does not know {words[0]}\n".encode() in failed.stderr and leader.states.get("key", "") == ""


def test_a_leader_of_the_reference_cannot_list(locks, leader):
    failed = locks.run("lock", "list", expect=1)
    assert (
        b"fatal: could not list locks: the agent that leads is not bkagent, and cannot list its locks" in failed.stderr
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize("command", ["acquire", "do"])
def test_a_wait_ends_by_a_signal(locks, leader, command, number):
    leader.states["key"] = "doing" if command == "do" else "taken"
    with waiting(locks, command, "key") as process:
        assert leader.wait_seen("PATCH")
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == (130 if number == signal.SIGINT else -number), err
    assert (out, err) == (b"", b"")


def test_a_lock_that_nobody_was_told_of_is_released(locks, leader):
    reading, writing = os.pipe()
    os.close(reading)
    argv = self_command.command(["lock", "acquire", "key"])
    try:
        process = subprocess.run(argv, env=locks.environ, stdout=writing, stderr=subprocess.PIPE, timeout=60)
    finally:
        os.close(writing)
    assert process.returncode == 141
    assert leader.states == {"key": ""}


def test_the_wait_goes_on_with_the_next_leader(locks, leader, tmp_path):
    leader.states["key"] = "taken"
    with FakeLeader(tmp_path / "s") as other, waiting(locks, "acquire", "key") as process:
        other.states["key"] = "taken"
        assert other.wait_seen("PATCH")
        leader.lead()
        assert leader.wait_seen("PATCH")
        leader.swap("key", "taken", "")
        out, err = process.communicate(timeout=60)
    assert leader.states["key"] == out.decode().strip() and process.returncode == 0, err


@pytest.mark.parametrize("command", ["acquire", "do"])
def test_one_of_ours_that_leads_next_knows_who_takes_the_lock(locks, leader, tmp_path, command):
    leader.states["key"] = "doing" if command == "do" else "taken"
    table = LockTable(None, lambda path, tell: None)
    table.lead()
    with waiting(locks, command, "key") as process:
        assert leader.wait_seen("PATCH")
        assert leader.hang_until_asked()
        served = ServedSocket(str(tmp_path / "s"), LockRoutes(table).answer, lambda *about: None)
        leader.kill()
        try:
            err = process.communicate(timeout=60)[1]
        finally:
            served.stop()
    (row,) = table.rows()
    assert [holder.pid for holder in row.state.holders] == [process.pid], err


def test_a_leader_that_comes_a_little_later_is_waited_for(locks, tmp_path):
    folder = tmp_path / "s"
    folder.mkdir()
    champion = file_lock.open_lock(str(folder / "agent-leader.lock"))
    try:
        file_lock.lock(champion)
        with waiting(locks, "get", "key") as process:
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.3)
            with FakeLeader(folder) as leading:
                leading.states["key"] = "text"
                assert process.communicate(timeout=60)[0] == b"text\n"
    finally:
        os.close(champion)


def test_a_killed_leader_is_waited_for(locks, tmp_path):
    folder = tmp_path / "s"
    folder.mkdir()
    (folder / "agent-leader.lock").touch()
    (folder / "agent-leader").symlink_to(folder / "agent-1")
    with waiting(locks, "get", "key") as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        leading = FakeLeader(folder)
        leading.states["key"] = "text"
        with leading:
            assert process.communicate(timeout=60)[0] == b"text\n"


@pytest.mark.parametrize("words", [["get", "key"], ["acquire", "key", "--lock-wait-timeout", "1s"], ["list"]])
@pytest.mark.parametrize("left", [None, "job-api", "agent-1", "agent-leader"])
def test_without_a_leader(locks, tmp_path, words, left):
    folder = tmp_path / "s"
    if left:
        folder.mkdir()
        (folder / left).symlink_to(folder / "gone")
    failed = locks.run("lock", *words, expect=1)
    lines = failed.stderr.decode().splitlines()
    assert lines[0] == (
        f"bkagent: fatal: could not connect to Agent API: {folder}/agent-leader: No such file or directory"
    )
    assert "--agent-api" in lines[1] and len(lines) == 2 and failed.stdout == b""


def test_a_folder_whose_path_is_too_long_for_sockets_is_named(locks, tmp_path):
    folder = tmp_path / ("long" * 27)
    failed = locks.run("lock", "get", "key", "--sockets-path", str(folder), expect=1)
    path = f"{folder}/agent-leader"
    assert f"the path {path} is {len(path)} bytes long, and a socket's may have 10".encode() in failed.stderr
    assert failed.stderr.count(b"longlong/agent-leader") == 1 and b"--agent-api" not in failed.stderr


def test_a_leader_that_is_lost(locks, leader, tmp_path, monkeypatch):
    monkeypatch.setattr("bkagent.remote.locks.leader._SUCCESSOR_S", 0.2)
    from bkagent.errors import AgentError
    from bkagent.remote.locks.leader import Wait
    from bkagent.remote.locks.lock_client import HolderDetails, LockClient, Terms

    leader.states["key"] = "taken"
    client, problems = LockClient(str(tmp_path / "s"), HolderDetails(1)), []

    def wait():
        try:
            client.acquire("key", "token", Terms(), Wait(0))
        except AgentError as error:
            problems.append(str(error))

    thread = threading.Thread(target=wait)
    thread.start()
    assert leader.wait_seen("PATCH")
    leader.__exit__()
    thread.join(60)
    assert problems and problems[0].startswith("the agent that led is gone, and no other has taken its place: ")


@pytest.mark.parametrize("words", [["acquire"], ["release", "key"], ["get", "a", "b"], ["do"], ["done", "a", "b"]])
def test_a_wrong_number_of_arguments_shows_the_page(locks, words):
    failed = locks.run("lock", *words, expect=1)
    assert f"bkagent lock {words[0]} [options]".encode() in failed.stderr and failed.stdout == b""


@pytest.mark.parametrize(
    "words, says",
    [
        (["--lock-scope", "galaxy"], b'lock-scope must be machine, not "galaxy" (flag --lock-scope)'),
        (["--lock-wait-timeout", "5"], b"lock-wait-timeout must be a duration"),
        (["--lock-wait-timeout", "-1s"], b'lock-wait-timeout must be 0s or longer, not "-1s"'),
        (["--slots", "0"], b"slots must be from 1 to 1000, not 0 (flag --slots)"),
        (["--slots", "1001"], b"slots must be from 1 to 1000, not 1001 (flag --slots)"),
        (["--ttl", "-1s"], b'ttl must be 0s or longer, not "-1s" (flag --ttl)'),
    ],
)
def test_invalid_options(locks, words, says):
    assert says in locks.run("lock", "acquire", "key", *words, expect=1).stderr
