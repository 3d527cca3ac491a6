"""Whether a failed job is retried automatically, and whether a person may retry it."""

from __future__ import annotations

import dataclasses
from typing import Sequence

from bkagent.controlplane.errors import InvalidRequest, Rejected
from bkagent.controlplane.records import Job
from bkagent.pipeline.model.rules import Retry

NO_RULE = -1


def rule_for(retry: Retry, job: Job, attempts: Sequence[Job]) -> int:
    """Return the index of the rule by which the job is run again, or NO_RULE.

    `attempts` are all jobs of the same slot: each rule counts the attempts that it made. The first rule that
    matches decides, also when its limit is reached.
    """
    if job.passed or job.state not in ("finished", "timed_out"):
        return NO_RULE
    status = -1 if job.exit_status is None else job.exit_status
    for index, rule in enumerate(retry.automatic):
        # A timeout is a failure to the rules even where the process ended with 0.
        if rule.matches(status or -1, job.signal, job.signal_reason):
            used = sum(1 for attempt in attempts if attempt.retry_rule == index)
            return index if used < rule.limit else NO_RULE
    return NO_RULE


def check_manual(retry: Retry, job: Job) -> None:
    """Raise InvalidRequest or Rejected where a person may not run this job again."""
    if job.type != "script" or job.state not in ("finished", "timed_out", "canceled"):
        raise InvalidRequest("Only failed, timed out or canceled jobs can be retried")
    if job.passed and not retry.manual_on_passed:
        raise Rejected(retry.manual_reason or "this job passed, and its step does not permit a retry then")
    if job.retried:
        raise Rejected("this job has already been retried")
    if not retry.manual_allowed:
        raise Rejected(retry.manual_reason or "the step does not permit a retry")


def next_attempt(job: Job, id: str, now: float, kind: str, rule: int = NO_RULE) -> Job:
    """Return a new job that does the same work. `kind` is "automatic" or "manual"."""
    return dataclasses.replace(
        job, id=id, state="waiting", created_at=now, soft_failed=False, exit_status=None, signal="", signal_reason="",
        chunks_failed_count=0, broken_reason="", reason="", agent_id="", runnable_at=None, assigned_at=None,
        accepted_at=None, started_at=None, finished_at=None, cancel_requested_at=None, retried=False,
        retried_in_job_id="", retries_count=job.retries_count + 1, retry_source_id=job.id, retry_type=kind,
        retry_rule=rule,
    )  # fmt: skip
