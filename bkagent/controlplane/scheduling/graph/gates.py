"""Gates: what several steps have come to together, counted, so that one more outcome costs the same behind any number.

What a step has come to is a set of bits, and what a gate lets through is the union of those of its members.
"""

from __future__ import annotations

from typing import Dict, List, Optional

from bkagent.controlplane.records import FINAL_STATES, Job
from bkagent.controlplane.scheduling.states import counts_against

PASSED, PENDING, BLOCKED, FAILED, CANCELED, WAIT_FAILED = 0, 1, 2, 4, 8, 16


class Ranked:
    """Something to look at again once what it waits for has changed. `rank`: after all that it waits for."""

    rank = -1.0
    is_due = False


class Gate(Ranked):
    """The union of what its members have come to, and of what the gate before it lets through.

    previous  the gate before it
    bits      that union, as of the last `refresh`
    waiting   what to look at again when it has changed
    """

    def __init__(self, previous: Optional["Gate"] = None) -> None:
        self._counts: Dict[int, int] = {}
        self.previous = previous
        self.bits = PASSED
        self.waiting: List[Ranked] = []
        if previous is not None:
            previous.waiting.append(self)

    def add(self, outcome: int) -> None:
        """Count what a member has come to."""
        self._counts[outcome] = self._counts.get(outcome, 0) + 1

    def remove(self, outcome: int) -> None:
        """Count it no more."""
        self._counts[outcome] = self._counts.get(outcome, 0) - 1  # of those that have passed nobody asks how many

    def refresh(self) -> bool:
        """Say whether the union has changed."""
        bits = PASSED if self.previous is None else self.previous.bits
        for outcome, count in self._counts.items():
            if count:
                bits |= outcome
        has_changed, self.bits = bits != self.bits, bits
        return has_changed


def outcome_of(job: Job) -> int:
    """Return what a job has come to by itself."""
    if job.state not in FINAL_STATES:
        return live_outcome(job.state)
    if job.state in ("canceled", "expired"):
        return CANCELED
    return FAILED if counts_against(job) else PASSED


def live_outcome(state: str) -> int:
    """Return what a job in this state, which is not a final one, has come to."""
    return PENDING | BLOCKED if state == "blocked" else PENDING


def outcome_at(outcome: int, is_barrier: bool) -> int:
    """Return what a step counts as at a gate, where it is a wait or block step or is not."""
    return outcome | WAIT_FAILED if is_barrier and outcome == FAILED else outcome


def outcome_behind(state: str) -> int:
    """Return what a job has come to whose state follows from those of other jobs."""
    if state not in FINAL_STATES:
        return live_outcome(state)
    if state == "canceled":
        return CANCELED
    return FAILED if state in ("waiting_failed", "blocked_failed", "broken") else PASSED
