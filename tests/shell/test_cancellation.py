"""Stopping commands that run, and what may still run afterwards."""

import os
import threading

import pytest

from bkagent.shell.cancellation import Cancellation
from bkagent.shell.session import CommandFailed, Session
from tests.shell.conftest import MemoryLog

pytestmark = pytest.mark.skipif(os.sep == "\\", reason="sends POSIX signals")

# Told once it is ready, so that a test knows when to stop it. `sleep` in the background keeps traps quick.
_UNTIL_STOPPED = 'printf "RE%s\\n" ADY; while :; do sleep 60 & wait $!; done'


def _request_when_ready(session: Session, log: MemoryLog) -> threading.Thread:
    cancellation = session.cancellation  # the job's own, whatever stands in for it later

    def act() -> None:
        log.await_output(b"READY")
        cancellation.request()

    thread = threading.Thread(target=act)
    thread.start()
    return thread


@pytest.mark.parametrize("pty", [True, False])
def test_a_running_command_gets_the_cancel_signal_with_its_group(session: Session, log: MemoryLog, pty: bool) -> None:
    session.cancellation = Cancellation("SIGINT", signal_grace_s=20.0)
    stopper = _request_when_ready(session, log)
    with pytest.raises(CommandFailed) as failed:
        session.run(["bash", "-c", f"trap 'echo got INT; exit 9' INT; {_UNTIL_STOPPED}"], pty=pty)
    stopper.join()
    assert failed.value.exit_code == 9
    assert b"got INT" in log.output


def test_a_command_that_ignores_the_signal_is_killed_after_the_grace(session: Session, log: MemoryLog) -> None:
    session.cancellation = Cancellation("SIGTERM", signal_grace_s=0.2)
    stopper = _request_when_ready(session, log)
    with pytest.raises(CommandFailed, match="signal: killed"):
        session.run(["bash", "-c", f"trap '' TERM; {_UNTIL_STOPPED}"])
    stopper.join()


def test_a_debug_log_tells_the_signals_that_a_command_was_sent(session: Session, log: MemoryLog) -> None:
    session.cancellation = Cancellation("SIGTERM", signal_grace_s=0.2)
    session.log.is_debug = True
    stopper = _request_when_ready(session, log)
    with pytest.raises(CommandFailed):
        session.run(["bash", "-c", f"trap '' TERM; {_UNTIL_STOPPED}"])
    stopper.join()
    (pid,) = [line.split("PID: ")[1].split("\x1b")[0] for line in log.lines if "is running with PID: " in line]
    told = [line.split("# ")[1].split("\x1b")[0] for line in log.lines if f"ID: {pid}" in line]
    assert told == [
        f"[Process] Process is running with PID: {pid}", f"[Process] Sending signal SIGTERM to PGID: {pid}",
        f"[Process] Sending signal SIGKILL to PGID: {pid}",
        f"Process with PID: {pid} finished with Exit Status: -1, Signal: SIGKILL",
    ]  # fmt: skip
    assert "↳ Command completed in " in log.lines[-1]


def test_what_cleans_up_is_not_stopped_by_the_cancellation_itself(session: Session, log: MemoryLog) -> None:
    session.cancellation = Cancellation("SIGTERM", signal_grace_s=5.0, cleanup_grace_s=60.0)
    cancellation = session.cancellation

    def request_and_let_go() -> None:
        log.await_output(b"READY")
        cancellation.request()
        open(os.path.join(session.cwd, "go"), "wb").close()

    stopper = threading.Thread(target=request_and_let_go)
    stopper.start()
    with session.in_grace():
        session.run(["sh", "-c", 'printf "RE%s\\n" ADY; until test -e go; do sleep 0.02; done; echo cleaned up'])
    stopper.join()
    assert b"cleaned up" in log.output


def test_what_cleans_up_is_stopped_when_its_time_is_over(session: Session, log: MemoryLog) -> None:
    session.cancellation = Cancellation("SIGTERM", signal_grace_s=5.0, cleanup_grace_s=0.2)
    stopper = _request_when_ready(session, log)
    with session.in_grace(), pytest.raises(CommandFailed, match="signal: terminated"):
        session.run(["bash", "-c", _UNTIL_STOPPED])
    stopper.join()


def test_the_time_for_cleaning_up_runs_from_the_request() -> None:
    cancellation = Cancellation(cleanup_grace_s=0.0)
    cancellation.request()
    assert cancellation.grace().wait(20.0)
    assert cancellation.grace() is cancellation.grace()


def test_a_request_is_heard_once_by_all_and_by_those_who_come_late() -> None:
    cancellation, heard = Cancellation(), []
    cancellation.on_request(lambda: heard.append("first"))
    taken_back = cancellation.on_request(lambda: heard.append("never"))
    cancellation.on_request(lambda: heard.append("second"))
    taken_back()
    assert not cancellation.requested
    assert not cancellation.wait(0.0)
    cancellation.request()
    cancellation.request()
    cancellation.on_request(lambda: heard.append("late"))
    assert heard == ["first", "second", "late"]
    assert cancellation.requested
    assert cancellation.wait(0.0)


def test_one_who_fails_keeps_no_other_from_hearing() -> None:
    cancellation, heard = Cancellation(), []

    def fail() -> None:
        raise OSError("disk full")

    cancellation.on_request(fail)
    cancellation.on_request(lambda: heard.append("second"))
    with pytest.raises(OSError, match="disk full"):
        cancellation.request()
    assert heard == ["second"]


def test_a_log_that_cannot_be_written_ends_the_command(session: Session) -> None:
    def full(data: bytes) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        session.run(["bash", "-c", f"echo $$; {_UNTIL_STOPPED}"], watch=full)


def test_shorter_graces_hold_for_what_cleans_up_too():
    cancellation = Cancellation("SIGTERM", 300.0, 310.0)
    grace = cancellation.grace()
    cancellation.shorten(10.0)
    assert (cancellation.signal_grace_s, cancellation.cleanup_grace_s) == (9.0, 10.0)
    assert (grace.signal_grace_s, grace.cleanup_grace_s) == (9.0, 10.0)
    cancellation.shorten(100.0)
    assert cancellation.cleanup_grace_s == 10.0
