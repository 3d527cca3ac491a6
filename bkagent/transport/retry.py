"""Retry temporary failures: how often, and with which pauses. On the short path, so plain classes.

Source of the schedules: buildkite/roko, as the agent uses it.
"""

from bkagent.errors import AgentError, Cancelled, NotYet, Unavailable, Unreachable, WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Optional, Tuple, TypeVar

    from bkagent.report import Report

    T = TypeVar("T")

# A server that names a pause is believed, within reason: longer than this and we look again ourselves.
LONGEST_PAUSE_S = 3600.0


class Schedule:
    """How often to try, and how long to pause in between.

    tries     the first one included; 0 is without end
    pause_s   failed tries so far, less one -> seconds, before jitter
    jitter    lowest and highest number of seconds added at random; a negative sum means no pause
    """

    __slots__ = ("tries", "pause_s", "jitter")

    def __init__(
        self, tries: int, pause_s: "Callable[[int], float]", jitter: "Tuple[float, float]" = (0.0, 0.0)
    ) -> None:
        self.tries = tries
        self.pause_s = pause_s
        self.jitter = jitter

    def pause(self, failed: int, chance: "Optional[Callable[[float, float], float]]" = None) -> float:
        """Return the seconds to pause after try number `failed`, from 0 on; `chance(low, high)` draws the jitter."""
        low, high = self.jitter
        if low == high:
            return max(0.0, self.pause_s(failed) + low)
        if chance is None:
            from random import uniform

            chance = uniform
        return max(0.0, self.pause_s(failed) + chance(low, high))


def constant(tries: int, pause_s: float, jitter: "Tuple[float, float]" = (0.0, 0.0)) -> Schedule:
    """Return a schedule with the same pause every time."""
    return Schedule(tries, lambda failed: pause_s, jitter)


def exponential(tries: int, base: float, jitter: "Tuple[float, float]" = (0.0, 0.0)) -> Schedule:
    """Return a schedule whose pauses are `base` to the power of 0, 1, 2 ... seconds; `base` is cut to whole seconds.

    Raises ValueError for less than a second: it would shrink.
    """
    if base < 1:
        raise ValueError("the base must be a second or more")
    return Schedule(tries, lambda failed: float(int(base)) ** failed, jitter)


def subsecond(tries: int, first_s: float, jitter: "Tuple[float, float]" = (0.0, 0.0)) -> Schedule:
    """Return a schedule whose pauses grow from `first_s` as first_ms ** (n / 16 + 1) milliseconds, in whole ones.

    From 1 s, eight tries later, 31.6 s. Raises ValueError for a millisecond or less: it would shrink.
    """
    first_ms = first_s * 1000.0
    if first_ms <= 1.0:
        raise ValueError("the first pause must be longer than a millisecond")
    return Schedule(tries, lambda failed: int(first_ms ** (failed / 16.0 + 1.0)) / 1000.0, jitter)


def worth_another_try(error: Exception) -> bool:
    """Return whether an error may be temporary: no answer, 429, 5xx, or an unreadable success."""
    # Such an answer is mostly that of something in between, a proxy's page for instance.
    return isinstance(error, WireError) or (isinstance(error, Unreachable) and error.may_retry)


def retry(
    attempt: "Callable[[int], T]",
    schedule: Schedule,
    *,
    wait: "Callable[[float], bool]",
    report: "Report",
    what: str = "",
    may_retry: "Callable[[Exception], bool]" = worth_another_try,
    chance: "Optional[Callable[[float, float], float]]" = None,
) -> "T":
    """Return what `attempt(number)` returns, numbers counting from 0.

    A failure that `may_retry` is reported, as a warning unless it is NotYet, and tried again after a pause: the one
    that the server asked for if it named one. `wait(seconds)` returns True when the work must stop, as `Event.wait`
    does: raises Cancelled then. Raises the last error when tries run out, any other at once.
    """
    number = 0
    while True:
        try:
            return attempt(number)
        except AgentError as error:
            if not may_retry(error):
                raise
            last = schedule.tries > 0 and number + 1 >= schedule.tries
            pause_s = 0.0 if last else _pause(schedule, number, error, chance)
            level = "info" if isinstance(error, NotYet) else "warn"
            report(level, f"{what + ': ' if what else ''}{error} ({describe(number, schedule.tries, pause_s)})")
            if last:
                raise
        if wait(pause_s):
            raise Cancelled(f"cancelled while waiting to retry{' of ' + what if what else ''}")
        number += 1


def sleep(seconds: float) -> bool:
    """Wait without a way to cancel: the `wait` of a plain command."""
    import time

    time.sleep(seconds)
    return False


def _pause(
    schedule: Schedule, number: int, error: Exception, chance: "Optional[Callable[[float, float], float]]"
) -> float:
    if isinstance(error, Unavailable) and error.retry_after_s is not None:
        return min(max(0.0, error.retry_after_s), LONGEST_PAUSE_S)
    return schedule.pause(number, chance)


def describe(number: int, tries: int, pause_s: float) -> str:
    """Return "Attempt 1/10 Retrying in 1.5s" for try `number`, counted from 0; the last has no second half."""
    text = f"Attempt {number + 1}/{tries or chr(0x221E)}"
    if tries and number + 1 >= tries:
        return text
    from bkagent.wire import go_duration  # most commands never try again

    return text + (f" Retrying in {go_duration.format_rounded(pause_s)}" if pause_s > 0 else " Retrying immediately")
