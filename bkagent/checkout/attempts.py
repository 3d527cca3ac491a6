"""Try a checkout until it succeeds: what each kind of failure does to the folder, and whether a retry can help."""

from __future__ import annotations

from functools import partial
from typing import Callable, NamedTuple, Optional

from bkagent.checkout import removal
from bkagent.checkout.checkout_folder import enter, folder
from bkagent.checkout.verification import VerificationFailed
from bkagent.checkout.work import Work
from bkagent.errors import AgentError, Cancelled, CheckoutLockExpired, JobFailed
from bkagent.git.outcome import GitFailed, Kind
from bkagent.shell.time_limit import time_limit
from bkagent.transport import retry


class NextStep(NamedTuple):
    """What follows a failed attempt. `text` is the warning; `shows_try` adds the number of the try to it."""

    text: str
    removes: bool
    retries: bool
    shows_try: bool = True


# (remove the folder, try again). A folder that may be broken goes; one that only lacks a commit stays.
_BY_KIND = {
    Kind.CLONE: (True, True),
    Kind.CLONE_TIMEOUT: (True, True),
    Kind.CLEAN: (True, True),
    Kind.CLEAN_SUBMODULES: (True, True),
    Kind.BAD_OBJECT: (True, True),
    Kind.NOT_ON_REMOTE: (True, True),
    Kind.FETCH_RETRY_CLEAN: (True, True),
    Kind.CHECKOUT_RETRY_CLEAN: (True, True),
    Kind.CHECKOUT: (False, True),
    Kind.NOT_A_TREE: (False, True),
    Kind.FETCH: (False, True),
    Kind.BAD_REFERENCE: (False, True),
    Kind.REPACK: (False, True),
    Kind.LFS: (False, True),
    Kind.LOCKED: (True, True),
    Kind.HELD: (False, True),
    Kind.IN_THE_WAY: (True, True),
    Kind.DAMAGED: (True, True),
    Kind.OTHER: (True, True),
}


def run(work: Work, attempt: Callable[[Work, int], None]) -> None:
    """Call `attempt`, with its number from 0, until it succeeds.

    Raises the last failure: JobFailed, CheckoutLockExpired, Cancelled.
    """
    schedule = retry.exponential(work.settings.attempts, 2.0, jitter=(0.0, 1.0))
    session = work.session
    for number in range(schedule.tries):
        failure = _try_once(work, partial(attempt, work, number))
        if failure is None:
            return
        after = decide(failure, session.cancellation.requested)
        pause_s = schedule.pause(number) if number + 1 < schedule.tries else 0.0
        shown_try = f" ({retry.describe(number, schedule.tries, pause_s)})" if after.shows_try else ""
        session.log.warning(after.text + shown_try)
        if after.removes:
            removal.remove(session, folder(session))
            enter(session)
        if not after.retries or number + 1 == schedule.tries:
            raise failure
        if session.cancellation.wait(pause_s):
            raise Cancelled("the checkout was cancelled while waiting for another attempt")


def decide(failure: AgentError, is_cancelled: bool) -> NextStep:
    """Return what follows a failure."""
    text = f"Checkout failed! {failure}"
    if isinstance(failure, VerificationFailed):
        return NextStep(text, False, False, False)
    if isinstance(failure, TimedOut):
        return NextStep(text, True, True)
    if isinstance(failure, JobFailed) and failure.exit_code == -1:
        return NextStep("Checkout was interrupted by a signal", False, False, False)
    if isinstance(failure, CheckoutLockExpired):
        return NextStep(str(failure), False, False, False)
    if is_cancelled or isinstance(failure, Cancelled):
        return NextStep("Checkout was cancelled", False, False, False)
    kind, was_retried = Kind.OTHER, False
    if isinstance(failure, GitFailed):
        kind, was_retried = failure.kind, failure.was_retried
    removes, retries = _BY_KIND[kind]
    return NextStep(text, removes, retries and not was_retried, not was_retried)


class TimedOut(JobFailed):
    """An attempt took longer than BUILDKITE_GIT_CHECKOUT_TIMEOUT."""


def _try_once(work: Work, attempt: Callable[[], None]) -> Optional[AgentError]:
    limit_s = work.settings.timeout_s
    try:
        if limit_s > 0:
            _run_within(work, attempt, limit_s)
        else:
            attempt()
    except (JobFailed, CheckoutLockExpired, Cancelled) as failure:
        return failure
    return None


def _run_within(work: Work, attempt: Callable[[], None], seconds: float) -> None:
    with time_limit(work.session, seconds) as limit:
        try:
            attempt()
        except (JobFailed, Cancelled) as failure:
            if limit.expired:
                exit_code = failure.exit_code if isinstance(failure, JobFailed) else 1
                raise TimedOut(f"{failure} (stopped after {seconds:.0f} seconds)", exit_code) from failure
            raise
