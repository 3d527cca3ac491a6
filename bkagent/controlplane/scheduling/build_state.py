"""The state of a build, which follows from its jobs."""

from __future__ import annotations

from typing import Tuple

from bkagent.controlplane.records import Build
from bkagent.controlplane.scheduling.job_tally import JobTally

FINAL = frozenset(("passed", "failed", "canceled", "not_run", "skipped"))


def state_of(build: Build, jobs: JobTally, *, has_begun: bool) -> Tuple[str, bool]:
    """Return the build's state and whether a person's answer is all that it waits for.

    A blocked build shows the state that its block step asks for, unless it failed. `has_begun`: a job has started,
    be it one that was retried.
    """
    if build.cancel_requested:
        return ("canceling" if jobs.live else "canceled"), False
    asked_state = jobs.blocked_state
    if jobs.active or (jobs.live and asked_state is None):
        if jobs.failed:
            return "failing", False
        return ("running" if has_begun else "scheduled"), False
    if asked_state is not None:
        return ("failed" if jobs.failed else asked_state or "passed"), True
    if jobs.failed:
        return "failed", False
    return ("passed" if jobs.ran else "not_run"), False
