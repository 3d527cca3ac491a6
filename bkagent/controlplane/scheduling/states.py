"""The states of jobs, and the legal moves between them.

Source: https://buildkite.com/docs/pipelines/configure/defining-steps#job-states
"""

from __future__ import annotations

from typing import FrozenSet, Mapping

from bkagent.controlplane.errors import Rejected
from bkagent.controlplane.records import Job

# With an agent, or about to be: these keep a build going by themselves.
ACTIVE = frozenset(("limiting", "limited", "scheduled", "assigned", "accepted", "running", "canceling", "timing_out"))
# These hold a slot of a concurrency group.
HOLDING = frozenset(("scheduled", "assigned", "accepted", "running", "canceling", "timing_out"))
WITH_AGENT = frozenset(("assigned", "accepted", "running", "canceling", "timing_out"))
# An agent has accepted these: their tokens are out.
TAKEN = WITH_AGENT - {"assigned"}
# Why a job ended whose agent fell silent, or did not end it as it was told.
LOST_REASON = "the agent was lost"
OVERDUE_REASON = "the agent did not end the job in time"
# These, and what they become once that agent has reported the job's end.
GIVEN_UP_REASONS = {
    LOST_REASON: "the agent was lost, and reported the end too late",
    OVERDUE_REASON: "the agent did not end the job in time, and reported the end too late",
}
NOT_STARTED = frozenset(
    ("waiting", "waiting_failed", "blocked", "blocked_failed", "limiting", "limited", "scheduled")
)  # fmt: skip

_BACK = frozenset(("waiting", "blocked", "waiting_failed", "blocked_failed", "canceled", "broken"))
_FREED = _BACK | {"scheduled", "limited", "finished"}

MOVES: Mapping[str, FrozenSet[str]] = {
    "waiting": _FREED,
    "waiting_failed": _FREED,
    "blocked_failed": _FREED,
    "blocked": _FREED | {"unblocked"},
    "limited": frozenset(("scheduled", "canceled")),
    "scheduled": frozenset(("assigned", "accepted", "canceled", "expired")),
    "assigned": frozenset(("scheduled", "accepted", "canceled")),
    "accepted": frozenset(("scheduled", "running", "canceling", "canceled", "finished")),
    "running": frozenset(("finished", "canceling", "timing_out")),
    "canceling": frozenset(("canceled",)),
    "timing_out": frozenset(("timed_out", "finished", "canceling")),
    # A job that was canceled because of another one follows that one when it is run again; so do the broken.
    "canceled": _FREED,
    "broken": _FREED,
    "finished": frozenset(),
    "unblocked": frozenset(),
    "timed_out": frozenset(),
    "skipped": frozenset(),
    "expired": frozenset(),
}


def check(job: Job, state: str) -> None:
    """Raise Rejected where a job may not go to this state from its present one."""
    if state not in MOVES[job.state]:
        raise Rejected(f"the job is {job.shown_state}; it cannot become {state}")


def counts_against(job: Job) -> bool:
    """Say whether the job, as it ended, makes its build fail."""
    if job.state in ("finished", "timed_out"):
        return not job.passed and not job.soft_failed
    if job.state == "broken":
        return job.broken_reason == "missing_dependency"
    return job.state in ("canceled", "expired", "waiting_failed", "blocked_failed")
