"""A job's life as the control plane sees it: accept or acquire, start, state, finish."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Callable, Optional

from bkagent.errors import JobLocked, JobRejected, Refused, Unavailable, Unreachable
from bkagent.remote import begun_call
from bkagent.remote.begun_call import BegunCall
from bkagent.remote.client import DEFAULT_TIMEOUT_S, Client, timeout
from bkagent.remote.escaping import segment
from bkagent.remote.reply import Locked
from bkagent.transport.retry import Schedule, constant, exponential, retry, subsecond, worth_another_try
from bkagent.wire.accepted_job import AcceptedJob
from bkagent.wire.finish import Finish
from bkagent.wire.reader import Reader

if TYPE_CHECKING:
    from bkagent.report import Report

Wait = Callable[[float], bool]

ACCEPT = constant(30, 5.0)
ACQUIRE = exponential(7, 2.0, jitter=(-1.0, 5.0))
ACQUIRE_LIMIT_S = 330.0
START = exponential(7, 2.0)
FINISH = subsecond(12, 2.0, jitter=(0.0, 1.0))
FINISH_LIMIT_S = 3600.0


def accept(client: Client, job_id: str, *, wait: Wait, report: Report, schedule: Schedule = ACCEPT) -> AcceptedJob:
    """Accept a job that a ping has offered.

    An error status is final, 429 and 5xx included: the agent pings again. No answer, or an unreadable one, is retried.
    """

    def attempt(number: int) -> object:
        return client.call("PUT", f"jobs/{segment(job_id)}/accept", expects_json=True).document

    # Read once: a job that makes no sense makes none at the next try either.
    return AcceptedJob.from_wire(retry(attempt, schedule, wait=wait, report=report, may_retry=_no_answer))


def acquire(
    client: Client,
    job_id: str,
    *,
    wait: Wait,
    report: Report,
    schedule: Schedule = ACQUIRE,
    clock: Callable[[], float] = time.monotonic,
) -> AcceptedJob:
    """Acquire a particular job, within 330 s. Raises JobRejected if it is refused, JobLocked while it waits."""
    end = clock() + ACQUIRE_LIMIT_S

    def attempt(number: int) -> object:
        left_s = end - clock()
        if left_s <= 0:
            raise Unreachable(f"job {job_id} could not be acquired within {ACQUIRE_LIMIT_S:.0f} s", may_retry=False)
        headers = {"X-Buildkite-Lock-Acquire-Job": "1", "X-Buildkite-Backoff-Sequence": str(number), **timeout(left_s)}
        try:
            return client.call(
                "PUT", f"jobs/{segment(job_id)}/acquire", headers=headers, expects_json=True,
                timeout_s=min(left_s, DEFAULT_TIMEOUT_S),
            ).document  # fmt: skip
        except Refused as refusal:
            if refusal.status == 422:
                raise JobRejected(f"job {job_id} cannot be acquired: {refusal}") from refusal
            if isinstance(refusal, Locked):
                # As one that may pass, so that the schedule and the server's own pause apply.
                words = f"The job is waiting for a dependency: ({refusal})"
                raise Unavailable(words, refusal.status, refusal.retry_after_s) from refusal
            raise

    try:
        return AcceptedJob.from_wire(retry(attempt, schedule, wait=wait, report=report))
    except Unavailable as still:
        if still.status == 423:
            raise JobLocked(str(still)) from still
        raise


def begin_start(client: Client, job_id: str, started_at: str) -> BegunCall:
    """Send what `start` sends, and do not wait for the answer."""
    return begun_call.begin(client, "PUT", f"jobs/{segment(job_id)}/start", {"started_at": started_at})


def start(
    client: Client,
    job_id: str,
    started_at: str,
    *,
    wait: Wait,
    report: Report,
    schedule: Schedule = START,
    begun: Optional[BegunCall] = None,
) -> None:
    """Report that the job's process starts, before any log. `started_at` is RFC 3339; `begun` is the first try."""

    def attempt(number: int) -> None:
        call = begun if begun is not None and not number else begin_start(client, job_id, started_at)
        call.finish()

    retry(attempt, schedule, wait=wait, report=report)


def finish(
    client: Client,
    job_id: str,
    outcome: Finish,
    *,
    wait: Wait,
    report: Report,
    schedule: Schedule = FINISH,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Report how the job ended; the last call of a job.

    The schedule covers an hour. Callers who keep the result on disk may pass one without end, since the server
    takes a late finish and answers 422 (Refused) to one that is too late.
    """
    document = outcome.to_wire()
    end = clock() + FINISH_LIMIT_S

    def attempt(number: int) -> None:
        headers = timeout(end - clock())
        client.call("PUT", f"jobs/{segment(job_id)}/finish", document=document, headers=headers)

    retry(attempt, schedule, wait=wait, report=report)


def state(client: Client, job_id: str, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> str:
    """Return the job's state, such as "running" or "canceling". Not retried: it is polled."""
    reply = client.call("GET", f"jobs/{segment(job_id)}", timeout_s=timeout_s, expects_json=True)
    return Reader(reply.document, "job").text("state", "")


def _no_answer(error: Exception) -> bool:
    return worth_another_try(error) and not isinstance(error, Unavailable)
