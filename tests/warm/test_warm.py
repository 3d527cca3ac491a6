"""Job processes that are forks of a warm process: what each has of its own, and what becomes of the warm process."""

import collections
import os
import pathlib
import signal
from typing import Iterator

import pytest

from bkagent.job import launch
from bkagent.system.fork_server.fork_server import Forked
from bkagent.warm.job_forks import JobForks
from tests.job.conftest import JobSandbox, Running, await_warmth, opened_warm

pytestmark = pytest.mark.skipif(os.sep == "\\", reason="Windows has no forks")


@pytest.fixture
def warm() -> "Iterator[JobForks]":
    opened = opened_warm()
    yield opened
    opened.close()


@pytest.fixture
def sandbox(tmp_path: pathlib.Path, warm: JobForks) -> JobSandbox:
    return JobSandbox(tmp_path, warm)


def _parent_of(pid: int) -> int:
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        return int(file.read().rpartition(")")[2].split()[1])


def _warm_pid(running: Running) -> int:
    if not os.path.exists("/proc/self/stat"):
        pytest.skip("this system has no /proc")
    return _parent_of(running.child.pid)


def test_a_job_is_forked_and_leads_a_session_and_a_group_of_its_own(sandbox: JobSandbox) -> None:
    running = sandbox.start('echo ready; read line <"$SEEN.go"', env={"SEEN": str(_fifo(sandbox))})
    running.await_text(b"ready")
    pid = running.child.pid
    assert isinstance(running.child, Forked)
    assert os.getsid(pid) == os.getpgid(pid) == pid != os.getsid(0)
    _go(sandbox)
    ended = running.end()
    assert ended.status == 0 and ended.process.exit_code == 0 and ended.stderr == ""


def test_no_variable_of_a_job_reaches_the_next_one(sandbox: JobSandbox) -> None:
    odd = {
        "PYTHONPATH": str(sandbox.root), "PYTHONHOME": "/none", "PYTHONINSPECT": "1", "LD_PRELOAD_NOT": "x",
        "LD_LIBRARY_PATH": str(sandbox.root), "IFS": "x", "é": "é", "a.b": "1", "ONLY_FIRST": "a secret of the first",
        "LC_ALL": "POSIX", "TZ": "Nowhere/None",
    }  # fmt: skip
    (sandbox.root / "dataclasses.py").write_text("raise SystemExit(9)\n", encoding="ascii")
    first = sandbox.run("env", odd, job_id="first")
    assert first.status == 0, first.lines
    assert first.has("ONLY_FIRST=a secret of the first")
    second = sandbox.run("env; cat /proc/$PPID/environ 2>/dev/null | tr '\\0' '\\n'", job_id="second")
    assert second.status == 0, second.lines
    assert not [line for line in second.lines if line.partition("=")[0] in odd and not line.startswith("IFS")]
    assert not [line for line in second.lines if "secret of the first" in line]


def test_a_job_has_the_descriptors_of_any_other_and_no_more(sandbox: JobSandbox) -> None:
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("this system has no /proc")
    # Not before the job process has closed its end of the command's terminal, which is the last it does of the start.
    ready = 'terminal=$(tty); while ls -l /proc/$PPID/fd | grep -q "$terminal$"; do :; done'
    show = f"{ready}; ls -l /proc/$PPID/fd; echo own; ls /proc/self/fd"
    ended = sandbox.run(show)
    lines = ended.lines
    own = [word for line in lines[lines.index("own") + 1 :] for word in line.split()]
    assert set(own) <= {"0", "1", "2", "3"}, lines  # the last is that of `ls` itself
    sockets = [line for line in lines if "socket:" in line]
    # Its line, and the job's local socket. Nothing of the line to the agent.
    assert len(sockets) == 2, lines
    sandbox.warm = None
    sandbox.env["BUILDKITE_JOB_ID"] = "job-2"
    execed = sandbox.run(show, job_id="job-2")
    forked_kinds, execed_kinds = (
        # Whether the end of the command is watched already, by an anon_inode, is a matter of the moment.
        collections.Counter(_kind(line) for line in one.lines if " -> " in line and "anon_inode" not in line)
        for one in (ended, execed)
    )
    # Its line to the agent, and what it tells the warm process of modules by.
    assert forked_kinds - execed_kinds == {"socket": 1, "pipe": 1} and not execed_kinds - forked_kinds


@pytest.mark.raced
def test_jobs_run_side_by_side(sandbox: JobSandbox) -> None:
    # Not a FIFO for both: the command of the job that is killed ends a moment later, and might read the other's line.
    one = sandbox.start("echo ready; sleep 1000", job_id="one")
    other = sandbox.start(f'echo ready; read line <"{_fifo(sandbox)}.go"; echo other', job_id="other")
    for running in (one, other):
        running.await_text(b"ready")
    assert one.child.pid != other.child.pid
    os.killpg(one.child.pid, signal.SIGKILL)
    assert one.end().result is None
    _go(sandbox)
    ended = other.end()
    assert ended.status == 0 and ended.has("other")


@pytest.mark.raced  # the signal may come before the command is in a group of its own
def test_a_job_dies_by_the_signal_that_cancelled_it(sandbox: JobSandbox) -> None:
    running = sandbox.start("trap 'exit 3' TERM; echo ready; while :; do sleep 0.1; done")
    running.await_text(b"ready")
    running.signal(signal.SIGTERM)
    ended = running.end()
    assert ended.result is not None and ended.result.signal == "SIGTERM"
    assert ended.process.signal == "SIGTERM"


def test_jobs_go_on_when_the_warm_process_is_killed_and_the_next_one_needs_none(
    sandbox: JobSandbox, warm: JobForks
) -> None:
    running = sandbox.start(f'echo ready; read line <"{_fifo(sandbox)}.go"; echo bye', job_id="runs")
    running.await_text(b"ready")
    os.kill(_warm_pid(running), signal.SIGKILL)
    ended = sandbox.run("echo next", job_id="next")
    assert ended.status == 0 and ended.has("next")
    _go(sandbox)
    ended = running.end()
    assert ended.status == 0 and ended.has("bye")
    await_warmth(warm)
    again = sandbox.start("echo again", job_id="again")
    assert isinstance(again.child, Forked) and again.end().has("again")


def test_the_warm_process_ends_when_its_line_is_closed(sandbox: JobSandbox, warm: JobForks) -> None:
    running = sandbox.start(f'echo ready; read line <"{_fifo(sandbox)}.go"; echo bye')
    running.await_text(b"ready")
    pid = _warm_pid(running)
    warm.close()
    assert not os.path.exists(f"/proc/{pid}") or _parent_of(running.child.pid) != pid
    assert not warm.is_ready()
    _go(sandbox)
    ended = running.end()
    assert ended.status == 0 and ended.has("bye")


def test_a_folder_that_is_not_there_is_told_as_by_any_start(sandbox: JobSandbox) -> None:
    entry = sandbox.start("echo unused", job_id="makes-an-entry")
    entry.end()
    with pytest.raises(FileNotFoundError):
        launch.start(entry.entry.folder, sandbox.env, str(sandbox.root / "none"), sandbox.warm)
    with pytest.raises(ValueError, match="NUL"):
        launch.start(entry.entry.folder, {"A": "\0"}, str(sandbox.builds), sandbox.warm)


def test_an_environment_of_megabytes_arrives(sandbox: JobSandbox) -> None:
    large = {f"LARGE_{number}": "x" * 100_000 for number in range(12)}
    ended = sandbox.run('echo "${#LARGE_0} ${#LARGE_11}"', large)
    assert ended.has("100000 100000"), ended.lines[-3:]


def _kind(line: str) -> str:
    target = line.rpartition(" -> ")[2].strip("'")
    return target.split(":")[0] if ":" in target else os.path.basename(target)


def _fifo(sandbox: JobSandbox) -> pathlib.Path:
    """Return a path that gives, with `.go` added, a FIFO on which jobs wait for `_go`."""
    path = sandbox.root / "wait"
    os.mkfifo(str(path) + ".go")
    return path


def _go(sandbox: JobSandbox) -> None:
    with open(sandbox.root / "wait.go", "w", encoding="ascii") as file:
        file.write("go\n")
