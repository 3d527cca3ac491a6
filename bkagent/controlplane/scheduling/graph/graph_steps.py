"""Steps and jobs of a build as its graph keeps them: the little of each that the order of the build needs."""

from __future__ import annotations

from typing import Dict, List, Optional, Tuple

from bkagent.controlplane.records import Job
from bkagent.controlplane.scheduling.graph.gates import (
    BLOCKED,
    CANCELED,
    FAILED,
    PASSED,
    PENDING,
    Gate,
    Ranked,
    outcome_of,
)
from bkagent.controlplane.scheduling.nodes import StepNode
from bkagent.controlplane.scheduling.ordering import is_derived
from bkagent.pipeline.model.steps import CommandStep


class GraphJob:
    """A job that counts: the last attempt at its work."""

    __slots__ = (
        "blocked_state", "broken_reason", "concurrency_group", "concurrency_limit", "id", "outcome", "slot_id", "state",
        "step", "type",
    )  # fmt: skip

    def __init__(self, job: Job, step: "GraphStep") -> None:
        self.id, self.slot_id, self.type, self.step = job.id, job.slot_id, job.type, step
        self.concurrency_group, self.concurrency_limit = job.concurrency_group, job.concurrency_limit
        self.blocked_state = job.blocked_state
        self.state, self.broken_reason, self.outcome = job.state, job.broken_reason, outcome_of(job)


class GraphStep(Ranked):
    """A step with its jobs.

    position   where it stands among the steps
    inputs     the gates that it waits behind, each with whether failures there do no harm
    gates      those that it is a member of, each with whether it is a wait or block step there
    gates_of_uploads  those that all that its jobs upload are members of, too
    place      the gates of the build's order where it stands: behind all steps, behind waits and blocks
    unknown    a sentence about a step that it waits for and that does not exist, or ""
    outcome    what it has come to, as of the last `refresh`
    undecided  those of its jobs whose state follows from what they wait for
    """

    def __init__(self, node: StepNode) -> None:
        self.position, self.step, self.is_excluded = node.entry.position, node.step, bool(node.entry.excluded)
        self.is_canceled_on_failing = isinstance(node.step, CommandStep) and node.step.cancel_on_build_failing
        self.unknown = ""
        self.inputs: List[Tuple[Gate, bool]] = []
        self.gates: List[Tuple[Gate, bool]] = []
        self.gates_of_uploads: List[Gate] = []
        self.place: Optional[Tuple[Gate, Optional[Gate]]] = None
        self.outcome = PASSED
        self.jobs: Dict[str, GraphJob] = {}
        self.undecided: Dict[str, GraphJob] = {}
        self._counts: Dict[int, int] = {}

    @property
    def bits(self) -> int:
        """Return what lies before it."""
        bits = PENDING if self.unknown else PASSED
        for gate, is_allowed in self.inputs:
            bits |= gate.bits & ~FAILED if is_allowed else gate.bits
        return bits

    def add(self, job: GraphJob) -> None:
        """Take in a job, or the new state of one."""
        self.jobs[job.id] = job
        self._counts[job.outcome] = self._counts.get(job.outcome, 0) + 1
        if is_derived(job) and not self.is_excluded:
            self.undecided[job.id] = job

    def remove(self, job: GraphJob, *, gone: bool) -> None:
        """Take out a job, or its state before it gets another one."""
        self._counts[job.outcome] -= 1
        self.undecided.pop(job.id, None)
        if gone:
            del self.jobs[job.id]

    def current_outcome(self) -> int:
        """Return what the step has come to: the first of its jobs that has not ended decides, else the worst."""
        count = self._counts.get
        pending, blocked = count(PENDING), count(PENDING | BLOCKED)
        if self.is_excluded:
            return PASSED
        if pending and blocked:
            return next(job.outcome for job in self.jobs.values() if job.outcome & PENDING)
        if pending or blocked:
            return PENDING if pending else PENDING | BLOCKED
        return CANCELED if count(CANCELED) else FAILED if count(FAILED) else PASSED
