"""The state and the outcome of a step, which follow from its jobs.

Source: https://buildkite.com/docs/agent/cli/reference/step
"""

from __future__ import annotations

from typing import Sequence

from bkagent.controlplane.records import Job
from bkagent.controlplane.scheduling.states import counts_against

_READY = ("scheduled", "limited", "limiting", "assigned", "accepted")


def state_of(jobs: Sequence[Job]) -> str:
    """Return ignored, waiting_for_dependencies, ready, waiting_for_input, running, failing, canceled or finished."""
    counting = [job for job in jobs if not job.retried]
    if all(job.state in ("broken", "skipped") for job in counting):
        return "ignored"
    live = [job for job in counting if not job.final]
    if not live:
        if any(job.state in ("waiting_failed", "blocked_failed") for job in counting):
            return "waiting_for_dependencies"
        return "canceled" if any(job.state == "canceled" for job in counting) else "finished"
    if any(job.type == "manual" and job.state == "blocked" for job in live):
        return "waiting_for_input"
    begun = any(job.started_at is not None for job in counting)
    if begun:
        return "failing" if any(counts_against(job) for job in counting) else "running"
    return "ready" if any(job.state in _READY for job in live) else "waiting_for_dependencies"


def outcome_of(jobs: Sequence[Job]) -> str:
    """Return neutral (not finished), passed, soft_failed, hard_failed or errored (timed out, canceled, expired)."""
    counting = [job for job in jobs if not job.retried]
    if state_of(counting) not in ("finished", "canceled"):
        return "neutral"
    bad = [job for job in counting if counts_against(job)]
    if any(job.state == "finished" for job in bad):
        return "hard_failed"
    if bad:
        return "errored"
    return "soft_failed" if any(job.soft_failed for job in counting) else "passed"
