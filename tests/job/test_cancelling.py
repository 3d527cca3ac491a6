"""Jobs that are cancelled: what still runs, and what their result says."""

import signal
import threading

import pytest

from bkagent.job.heartbeat_watch import HeartbeatWatch, Limits
from tests.job.conftest import JobSandbox

_READY = 'printf "RE%s\\n" ADY; '
_WAIT = "sleep 300 & wait $!"


def _told(sandbox: JobSandbox) -> None:
    for name in ("post-command", "pre-exit"):
        line = "cancelled=${BUILDKITE_JOB_CANCELLED-unset} timed_out=${BUILDKITE_JOB_TIMED_OUT-unset}"
        sandbox.hook(name, f'echo "{name} {line}" >>"$SEEN"')


def test_a_cancelled_job_ends_by_the_signal_after_its_hooks(sandbox: JobSandbox) -> None:
    _told(sandbox)
    running = sandbox.start(_READY + _WAIT)
    running.await_text(b"READY")
    running.signal(signal.SIGTERM)
    ended = running.end()
    assert ended.result is not None
    assert (ended.status, ended.result.signal) == (-1, "SIGTERM")
    assert (ended.process.exit_code, ended.process.signal) == (-1, "SIGTERM")
    assert sandbox.seen() == [f"{name} cancelled=true timed_out=unset" for name in ("post-command", "pre-exit")]
    assert ended.has("# Received cancellation signal, interrupting")
    assert ended.has("🚨 Error: The command was interrupted by a signal: signal: terminated")
    assert ended.has("user command error: signal: terminated")


def test_a_command_that_ignores_the_signal_is_killed_and_hooks_still_run(sandbox: JobSandbox) -> None:
    _told(sandbox)
    running = sandbox.start(f"trap '' TERM; {_READY}{_WAIT}", signal_grace_s=0.3, cancel_grace_s=30.0)
    running.await_text(b"READY")
    running.signal(signal.SIGTERM)
    ended = running.end()
    assert ended.result is not None
    assert (ended.status, ended.result.signal) == (-1, "SIGTERM")
    assert ended.has("🚨 Error: The command was interrupted by a signal: signal: killed")
    assert len(sandbox.seen()) == 2


def test_the_command_gets_the_configured_signal(sandbox: JobSandbox) -> None:
    running = sandbox.start(f"trap 'echo got USR1; exit 9' USR1; {_READY}{_WAIT}", cancel_signal="SIGUSR1")
    running.await_text(b"READY")
    running.signal(signal.SIGUSR1)
    ended = running.end()
    assert ended.result is not None
    assert (ended.status, ended.result.signal) == (-1, "SIGUSR1")
    assert ended.has("got USR1")
    assert ended.has("🚨 Error: The command exited with status 9")


def test_a_quit_is_told_by_an_exit_status(sandbox: JobSandbox) -> None:
    running = sandbox.start(_READY + _WAIT)
    running.await_text(b"READY")
    running.signal(signal.SIGQUIT)
    ended = running.end()
    assert ended.result is not None
    assert (ended.status, ended.result.signal) == (131, "")
    assert ended.process.exit_code == 131


def test_a_second_signal_ends_the_job_at_once(sandbox: JobSandbox) -> None:
    sandbox.hook("pre-exit", 'printf "CLEA%s\\n" NING; sleep 300')
    running = sandbox.start(_READY + _WAIT, cancel_grace_s=300.0)
    running.await_text(b"READY")
    running.signal(signal.SIGTERM)
    running.await_text(b"CLEANING")
    running.signal(signal.SIGTERM)
    ended = running.end()
    assert ended.result is None
    assert ended.process.signal == "SIGTERM"


def test_a_signal_in_the_first_moment_of_a_job_is_not_lost(sandbox: JobSandbox) -> None:
    running = sandbox.start('echo command >>"$SEEN"; sleep 300')
    while running.entry.process.pid() is None:
        assert running.child.poll() is None
    running.signal(signal.SIGTERM)
    ended = running.end()
    assert ended.result is not None
    assert (ended.status, ended.result.signal) == (-1, "SIGTERM")


def test_a_time_out_is_told_apart(sandbox: JobSandbox) -> None:
    _told(sandbox)
    marker = sandbox.root / "timed-out"
    running = sandbox.start(_READY + _WAIT, {"BUILDKITE_AGENT_JOB_TIMEOUT_FILE": str(marker)})
    running.await_text(b"READY")
    marker.write_text("true", encoding="ascii")
    running.signal(signal.SIGTERM)
    running.end()
    assert sandbox.seen()[0] == "post-command cancelled=true timed_out=true"


def test_a_cancellation_during_a_hook_skips_the_command(sandbox: JobSandbox) -> None:
    sandbox.hook("pre-command", _READY + _WAIT)
    sandbox.hook("pre-exit", 'echo pre-exit >>"$SEEN"')
    running = sandbox.start('echo command >>"$SEEN"')
    running.await_text(b"READY")
    running.signal(signal.SIGTERM)
    ended = running.end()
    assert ended.status == -1
    assert sandbox.seen() == ["pre-exit"]


class _Clocks:
    """A wall clock that can be set, a steady one, and a heartbeat by the wall clock."""

    def __init__(self) -> None:
        self.wall = self.heartbeat = 1_000_000.0
        self.steady = 50.0

    def pass_s(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds

    def watch(self) -> HeartbeatWatch:
        return HeartbeatWatch(
            lambda now: max(0.0, now - self.heartbeat), lambda age_s: None, Limits(180.0),
            wall=lambda: self.wall, steady=lambda: self.steady,
        )  # fmt: skip


@pytest.mark.parametrize("lost_after_s", [180.0, 10.0, 3600.0])
def test_the_graces_of_an_abandoned_job_are_over_before_it_is_handed_out_again(lost_after_s: float) -> None:
    limits = Limits(lost_after_s)
    latest_s = limits.limit_s + limits.look_every_s
    assert latest_s + 2 * limits.most_grace_s(latest_s) < lost_after_s
    assert Limits(180.0).limit_s == 150.0
    assert Limits(180.0).most_grace_s(500.0) == 1.0  # the machine slept


def test_a_heartbeat_ages_while_none_is_accepted() -> None:
    clocks = _Clocks()
    watch = clocks.watch()
    clocks.pass_s(100)
    assert watch.age_now_s() == 100
    clocks.heartbeat = clocks.wall
    assert watch.age_now_s() == 0
    clocks.pass_s(151)
    assert watch.age_now_s() == 151


def test_a_clock_that_is_set_forward_makes_no_heartbeat_old() -> None:
    clocks = _Clocks()
    watch = clocks.watch()
    clocks.wall += 100_000
    clocks.pass_s(10)
    assert watch.age_now_s() == 10


def test_a_heartbeat_that_is_too_old_is_told_once_and_not_after_a_stop() -> None:
    clocks, told = _Clocks(), threading.Event()
    ages = []

    def lost(age_s: float) -> None:
        ages.append(age_s)
        told.set()

    watch = HeartbeatWatch(
        lambda now: now - clocks.heartbeat, lost, Limits(0.5), wall=lambda: clocks.wall, steady=lambda: clocks.steady,
    )  # fmt: skip
    watch.start()
    clocks.pass_s(200)
    assert told.wait(20)
    assert ages == [200]
    told.clear()
    watch.start()
    assert told.wait(20)
    told.clear()
    watch.stop()
    watch.start()
    assert not told.wait(0.1)
