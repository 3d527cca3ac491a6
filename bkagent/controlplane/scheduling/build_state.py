"""The state of a build, which follows from its jobs."""

from __future__ import annotations

from typing import Sequence, Tuple

from bkagent.controlplane.records import Build, Job
from bkagent.controlplane.scheduling.states import ACTIVE, counts_against

FINAL = frozenset(("passed", "failed", "canceled", "not_run", "skipped"))


def state_of(build: Build, jobs: Sequence[Job]) -> Tuple[str, bool]:
    """Return the build's state and whether a person's answer is all that it waits for.

    Retried jobs do not count. A blocked build shows the state that its block step asks for, unless it failed.
    """
    counting = [job for job in jobs if not job.retried]
    live = [job for job in counting if not job.final]
    if build.cancel_requested:
        return ("canceling" if live else "canceled"), False
    failed = any(counts_against(job) for job in counting)
    asking = [job for job in live if job.type == "manual" and job.state == "blocked"]
    if any(job.state in ACTIVE for job in live) or (live and not asking):
        if failed:
            return "failing", False
        begun = build.started_at is not None or any(job.started_at is not None for job in jobs)
        return ("running" if begun else "scheduled"), False
    if asking:
        return ("failed" if failed else asking[0].blocked_state or "passed"), True
    if failed:
        return "failed", False
    ran = any(job.state not in ("broken", "skipped") for job in counting if job.type != "waiter")
    return ("passed" if ran else "not_run"), False
