"""The steps of one build as a graph that is kept from change to change: each looks only at what follows from it.

It comes to the same as `ordering.advance`, which looks at every step. Where steps wait for each other in a circle,
which only later uploads can bring about, the order of looking matters, and `ordering` decides.
"""

from __future__ import annotations

import heapq
from typing import Dict, List, Optional, Sequence, Set, Tuple

from bkagent.controlplane.records import FINAL_STATES, Job
from bkagent.controlplane.scheduling.graph import ranks
from bkagent.controlplane.scheduling.graph.gates import (
    BLOCKED,
    CANCELED,
    FAILED,
    PENDING,
    WAIT_FAILED,
    Gate,
    Ranked,
    outcome_at,
    outcome_behind,
    outcome_of,
)
from bkagent.controlplane.scheduling.graph.graph_steps import GraphJob, GraphStep
from bkagent.controlplane.scheduling.graph.graph_wiring import Wiring
from bkagent.controlplane.scheduling.job_tally import JobTally
from bkagent.controlplane.scheduling.nodes import StepNode
from bkagent.controlplane.scheduling.ordering import IN_A_CIRCLE, MISSING, JobChange, Verdict, next_state


class BuildGraph:
    """The graph of one build. `note` tells it of each change of a job.

    has_circle     its steps wait for each other in a circle: `advance` must not be asked
    tally          how many jobs are in which kind of state
    started_at     when the first of the build's jobs started, None before that
    """

    def __init__(self, nodes: Sequence[StepNode], started_at: Optional[float]) -> None:
        self._wiring = Wiring(nodes)
        self._steps, self._slot_gates = self._wiring.steps, self._wiring.slot_gates
        self.tally, self.started_at = JobTally(), started_at
        self._jobs: Dict[str, GraphJob] = {}
        self._given_up: Dict[str, GraphJob] = {}
        self._cancelable: Dict[str, GraphJob] = {}
        self._changed: Dict[str, Tuple[str, str, JobChange]] = {}
        self._due: List[Tuple[float, int, Ranked]] = []
        self._due_count = 0
        for node in nodes:
            for job in node.jobs:
                self._add(GraphJob(job, self._steps[node.id]))
        followers = ranks.followers_of(self._wiring.new, self._slot_gates)
        ordered = ranks.in_order(followers)
        self.has_circle = len(ordered) < len(followers)
        for rank, each in enumerate(ordered):
            each.rank = float(rank)
            self._make_due(each)

    def __len__(self) -> int:
        return len(self._steps) + len(self._jobs)

    def add_steps(self, nodes: Sequence[StepNode]) -> bool:
        """Take in steps that were uploaded, groups whole, before `note` tells of their jobs.

        Return False where a new graph is needed: this one must not be used any more then.
        """
        wiring, uploader = self._wiring, self._steps.get(nodes[0].entry.uploaded_by)
        if self.has_circle or uploader is None or not wiring.can_add(nodes, uploader):
            return False
        wiring.add(nodes, uploader)
        is_ranked = ranks.insert(ranks.followers_of(wiring.new, self._slot_gates), wiring.before_new)
        for each in wiring.new:
            self._make_due(each)
        return is_ranked

    def note(self, job: Job) -> bool:
        """Take in a job as it is now; say whether its step is known here."""
        step = self._steps.get(job.step_id)
        if step is None:
            return False
        if job.started_at is not None and (self.started_at is None or job.started_at < self.started_at):
            self.started_at = job.started_at
        known = self._jobs.get(job.id)
        if job.retried:
            if known is not None:
                self._remove(known, gone=True)
        elif known is None:
            self._add(GraphJob(job, step))
        elif (known.state, known.broken_reason, known.outcome) != (job.state, job.broken_reason, outcome_of(job)):
            self._move(known, job.state, job.broken_reason, outcome_of(job))
        self._make_due(step)
        return True

    def advance(self) -> List[JobChange]:
        """Return the changes that follow from the jobs' present states, in the order of the steps.

        They are noted already. What was given up is looked at again each time: it may not be lost any more.
        """
        self._changed = {}
        for job in self._given_up.values():
            self._make_due(job.step)
        given_up: Set[str] = set()
        self._settle(given_up)
        while self._break_deadlock(given_up):
            self._settle(given_up)
        changes = []
        for state, broken_reason, change in self._changed.values():
            if (change.state, change.broken_reason) != (state, broken_reason):
                changes.append(change)
        return sorted(changes, key=lambda change: self._jobs[change.job_id].step.position)

    def to_cancel(self) -> List[str]:
        """Return the jobs to cancel because the build is failing, in the order of the steps."""
        if not self.tally.failed:
            return []
        return [job.id for job in sorted(self._cancelable.values(), key=lambda job: job.step.position)]

    def _settle(self, given_up: Set[str]) -> None:
        """Look at what is due, and at all that follows."""
        while self._due:
            _, _, each = heapq.heappop(self._due)
            each.is_due = False
            if isinstance(each, Gate):
                if each.refresh():
                    for follower in each.waiting:
                        self._make_due(follower)
            elif isinstance(each, GraphStep):
                self._look(each, given_up)

    def _look(self, step: GraphStep, given_up: Set[str]) -> None:
        bits = step.bits if step.undecided else 0
        verdict = Verdict(
            pending=bool(bits & PENDING), blocked=bool(bits & BLOCKED), failed=bool(bits & FAILED),
            canceled=bool(bits & CANCELED), wait_failed=bool(bits & WAIT_FAILED),
        )  # fmt: skip
        for job in list(step.undecided.values()):
            if job.id not in given_up:
                self._change(job, next_state(step.step, job, verdict))
        before, step.outcome = step.outcome, step.current_outcome()
        if before == step.outcome:
            return
        for gate, is_barrier in step.gates:
            gate.remove(outcome_at(before, is_barrier))
            gate.add(outcome_at(step.outcome, is_barrier))
            self._make_due(gate)

    def _break_deadlock(self, given_up: Set[str]) -> bool:
        """Give up waiting jobs that nothing will ever release: those whose dependency does not exist, or else all."""
        if self.tally.active or self.tally.blocked_state is not None or not self.tally.held_back:
            return False
        stuck = [job for job in self._jobs.values() if job.state in ("waiting", "blocked")]
        unknown = [job for job in stuck if job.step.unknown]
        for job in unknown or stuck:
            self._change(job, JobChange(job.id, "broken", MISSING, job.step.unknown or IN_A_CIRCLE))
            given_up.add(job.id)
            self._make_due(job.step)
        return True

    def _change(self, job: GraphJob, change: JobChange) -> None:
        if (change.state, change.broken_reason) != (job.state, job.broken_reason):
            state, broken_reason, _ = self._changed.get(job.id, (job.state, job.broken_reason, change))
            self._changed[job.id] = (state, broken_reason, change)
            self._move(job, change.state, change.broken_reason, outcome_behind(change.state))

    def _move(self, job: GraphJob, state: str, broken_reason: str, outcome: int) -> None:
        self._remove(job, gone=False)
        job.state, job.broken_reason, job.outcome = state, broken_reason, outcome
        self._add(job)

    def _add(self, job: GraphJob) -> None:
        self._jobs[job.id] = job
        self.tally.add(job)
        job.step.add(job)
        if (job.state, job.broken_reason) == ("broken", MISSING):
            self._given_up[job.id] = job
        if job.step.is_canceled_on_failing and job.state not in FINAL_STATES and job.state != "canceling":
            self._cancelable[job.id] = job
        gate = self._slot_gates.get(job.slot_id)
        if gate is not None:
            gate.add(job.outcome)
            self._make_due(gate)

    def _remove(self, job: GraphJob, *, gone: bool) -> None:
        self.tally.remove(job)
        job.step.remove(job, gone=gone)
        self._given_up.pop(job.id, None)
        self._cancelable.pop(job.id, None)
        gate = self._slot_gates.get(job.slot_id)
        if gate is not None:
            gate.remove(job.outcome)
            self._make_due(gate)
        if gone:
            del self._jobs[job.id]

    def _make_due(self, each: Ranked) -> None:
        if not each.is_due and each.rank >= 0:  # without a rank it is in a circle, or not wired yet
            each.is_due = True
            self._due_count += 1
            heapq.heappush(self._due, (each.rank, self._due_count, each))
