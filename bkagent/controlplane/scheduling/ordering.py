"""Decide what each waiting job of a build does next, by all steps: wait on, be released, or fail with its dependency.

A step waits for the keys of its `depends_on`, or without that for the nearest wait and block steps before it. An
uploaded step also waits for the job that uploaded it. States of waiting are derived anew each time, so a job that is
run again brings back what had failed because of it.

This is the rule, and what it costs grows with the build. `build_graph` comes to the same from what has changed, for
builds whose steps do not wait for each other in a circle.

Source: https://buildkite.com/docs/pipelines/configure/dependencies
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Optional, Protocol, Sequence, Set

from bkagent.controlplane.records import FINAL_STATES, Job
from bkagent.controlplane.scheduling.nodes import StepNode, StepTree
from bkagent.controlplane.scheduling.states import ACTIVE, counts_against
from bkagent.pipeline.model.steps import Dependency, Step, WaitStep

PENDING, BLOCKED, PASSED, FAILED, CANCELED = "pending", "blocked", "passed", "failed", "canceled"
# Why a job has a state that follows from others' states alone.
FOLLOWED, MISSING = "dependency_canceled", "missing_dependency"

IN_A_CIRCLE = "it waits for steps that wait for it"

# Steps looked at again, at most, for each step of the build before another walk in order.
SPREAD_FACTOR = 8


@dataclass(frozen=True)
class JobChange:
    """A new state for a job, and why."""

    job_id: str
    state: str
    broken_reason: str = ""
    reason: str = ""


@dataclass
class Verdict:
    """The combined state of all dependencies of a step."""

    pending: bool = False
    blocked: bool = False
    failed: bool = False
    canceled: bool = False
    wait_failed: bool = False

    def add(self, outcome: str, *, allowed: bool = False, barrier: bool = False) -> None:
        """Take the outcome of one step into account; `allowed` failures do no harm."""
        self.pending |= outcome in (PENDING, BLOCKED)
        self.blocked |= outcome == BLOCKED
        self.canceled |= outcome == CANCELED
        if outcome == FAILED:
            self.failed |= not allowed
            self.wait_failed |= barrier

    def join(self, other: "Verdict", *, allowed: bool = False) -> None:
        """Take another verdict into account."""
        self.pending |= other.pending
        self.blocked |= other.blocked
        self.canceled |= other.canceled
        self.failed |= other.failed and not allowed
        self.wait_failed |= other.wait_failed


def advance(nodes: Sequence[StepNode]) -> List[JobChange]:
    """Return the changes that follow from the jobs' present states, for steps in the build's order."""
    round_ = _Round(nodes)
    round_.settle()
    while round_.break_deadlock():
        round_.settle()
    return round_.changes()


def _outcome(jobs: Sequence[Job], states: Dict[str, JobChange]) -> str:
    outcome = PASSED
    for job in jobs:
        now = states[job.id]
        if now.state not in FINAL_STATES:
            return BLOCKED if now.state == "blocked" else PENDING
        if now.state in ("canceled", "expired"):
            outcome = CANCELED
        elif outcome == PASSED and (
            counts_against(job)
            if now.state == job.state
            else now.state in ("waiting_failed", "blocked_failed", "broken")
        ):
            outcome = FAILED
    return outcome


def unknown_dependency(node: StepNode, tree: StepTree) -> str:
    """Return a sentence about a dependency of a step on a key that no step has, or ""."""
    steps = [node.step] + ([node.group] if node.group else [])
    for dependency in (each for step in steps for each in step.depends_on or ()):
        if tree.named(dependency.key) is None:
            return f'depends_on names "{dependency.key}", but no step has that key'
    return ""


class _Scope:
    """The steps of the build, or of one group, seen so far."""

    def __init__(self) -> None:
        self.earlier = Verdict()
        self.barriers = Verdict()


class _Round:
    def __init__(self, nodes: Sequence[StepNode]) -> None:
        self._nodes = [node for node in nodes if node.entry.kind != "group"]
        self._tree = StepTree(nodes)
        self._states = {
            job.id: JobChange(job.id, job.state, job.broken_reason, job.reason) for node in nodes for job in node.jobs
        }
        self._slots = {job.slot_id: (job,) for node in nodes for job in node.jobs}
        self._outcomes = {node.id: self._outcome(node) for node in self._nodes}
        self._dependants = self._named_by()
        self._given_up: Set[str] = set()

    def changes(self) -> List[JobChange]:
        """Return what differs from the states at the beginning."""
        jobs = [job for node in self._nodes for job in node.jobs]
        pairs = ((job, self._states[job.id]) for job in jobs)
        return [now for job, now in pairs if (now.state, now.broken_reason) != (job.state, job.broken_reason)]

    def settle(self) -> None:
        """Walk the steps in order until nothing changes."""
        for _ in range(len(self._nodes) + 1):
            changed = self._walk()
            if not changed:
                return
            self._spread(changed)

    def break_deadlock(self) -> bool:
        """Break waiting jobs that nothing will ever release: those whose dependency does not exist, or else all."""
        jobs = [(node, job) for node in self._nodes for job in node.jobs]
        states = [self._states[job.id].state for _, job in jobs]
        if any(state in ACTIVE for state in states):
            return False
        if any(job.type == "manual" and self._states[job.id].state == "blocked" for _, job in jobs):
            return False
        stuck = [(node, job) for node, job in jobs if self._states[job.id].state in ("waiting", "blocked")]
        unknown = [(node, job) for node, job in stuck if unknown_dependency(node, self._tree)]
        for node, job in unknown or stuck:
            reason = unknown_dependency(node, self._tree) or IN_A_CIRCLE
            self._states[job.id] = JobChange(job.id, "broken", MISSING, reason)
            self._given_up.add(job.id)
        self._outcomes = {node.id: self._outcome(node) for node in self._nodes}
        return bool(stuck)

    def _walk(self) -> List[str]:
        """Look at each step once, in order; return the ids of those that changed."""
        scopes: Dict[str, _Scope] = {"": _Scope()}
        changed = []
        for node in self._nodes:
            if node.entry.excluded:
                continue
            scope = scopes.setdefault(node.entry.group_id, _Scope())
            if self._apply(node, self._verdict(node, scope, scopes[""])):
                changed.append(node.id)
            self._note(node, scopes)
        return changed

    def _spread(self, changed: List[str]) -> None:
        """Follow changes along `depends_on` alone: many steps each naming the next would need as many walks."""
        pending = list(changed)
        for _ in range(len(self._nodes) * SPREAD_FACTOR):
            if not pending:
                return
            for node in self._dependants.get(pending.pop(), ()):
                if self._apply(node, self._verdict(node, _Scope(), _Scope())):
                    pending.append(node.id)

    def _named_by(self) -> Dict[str, List[StepNode]]:
        """Return, for each step, the steps that wait for it and for nothing but what they and their group name."""
        dependants: Dict[str, List[StepNode]] = {}
        for node in self._nodes:
            if node.entry.excluded or node.step.depends_on is None:
                continue
            for step in [node.step] + ([node.group] if node.group else []):
                for dependency in step.depends_on or ():
                    for id in self._tree.named(dependency.key) or ():
                        dependants.setdefault(id, []).append(node)
        return dependants

    def _note(self, node: StepNode, scopes: Dict[str, _Scope]) -> None:
        """Let later steps see this one: in its group with all that it uploaded, which stands after the group."""
        if node.entry.kind == "input":
            return
        outcome, wait = self._outcomes[node.id], node.barrier
        scopes[""].earlier.add(outcome, barrier=wait and not node.entry.group_id)
        scope = scopes[node.entry.group_id]
        if node.entry.group_id:
            scope.earlier.add(outcome, barrier=wait)
            for id in self._tree.descendants(node.id):
                scope.earlier.add(self._outcomes[id])
        if wait:
            scope.barriers.add(outcome, barrier=True)

    def _verdict(self, node: StepNode, scope: _Scope, outside: _Scope) -> Verdict:
        verdict = Verdict()
        step, group = node.step, node.group
        allowed = step.allow_dependency_failure
        if step.depends_on is not None:
            self._add_named(node, step.depends_on, allowed, verdict)
        else:
            verdict.join(scope.earlier if node.barrier else scope.barriers, allowed=allowed)
        if group is not None and group.depends_on is not None:
            self._add_named(node, group.depends_on, allowed or group.allow_dependency_failure, verdict)
        elif group is not None and step.depends_on is None:
            # A step's own depends_on replaces the order of the document, also that of its group.
            verdict.join(outside.barriers, allowed=allowed or group.allow_dependency_failure)
        uploader = self._slots.get(node.uploader_slot)
        if uploader is not None:
            verdict.add(_outcome(uploader, self._states), allowed=allowed)
        return verdict

    def _add_named(self, node: StepNode, dependencies: Sequence[Dependency], allowed: bool, verdict: Verdict) -> None:
        for dependency in dependencies:
            ids = self._tree.named(dependency.key)
            if ids is None:
                verdict.pending = True
                continue
            for id in ids:
                descendants = self._tree.descendants(id)
                # What a step uploaded cannot wait for the rest of the same upload through the uploader's key.
                for other in [id] if node.id in descendants else [id, *descendants]:
                    if other != node.id:
                        allow = allowed or dependency.allow_failure
                        verdict.add(self._outcomes[other], allowed=allow)

    def _apply(self, node: StepNode, verdict: Verdict) -> bool:
        changed = False
        for job in node.jobs:
            now = self._states[job.id]
            if is_derived(now) and job.id not in self._given_up:
                new = next_state(node.step, job, verdict)
                if (new.state, new.broken_reason) != (now.state, now.broken_reason):
                    self._states[job.id] = new
                    changed = True
        before = self._outcomes[node.id]
        self._outcomes[node.id] = self._outcome(node)
        return changed or before != self._outcomes[node.id]

    def _outcome(self, node: StepNode) -> str:
        return PASSED if node.entry.excluded else _outcome(node.jobs, self._states)


class StateAndReason(Protocol):
    """The state of a job, and why."""

    @property
    def state(self) -> str:
        """Return the state."""

    @property
    def broken_reason(self) -> str:
        """Return why."""


class WaitingJob(Protocol):
    """A job that has not been released."""

    @property
    def id(self) -> str:
        """Return its id."""

    @property
    def type(self) -> str:
        """Return its type."""

    @property
    def concurrency_group(self) -> str:
        """Return its concurrency group, or ""."""

    @property
    def concurrency_limit(self) -> Optional[int]:
        """Return how many jobs of that group may run at once, or None."""


def is_derived(now: StateAndReason) -> bool:
    """Say whether the state of a job follows from those of the jobs that it waits for."""
    if now.state in ("canceled", "broken"):
        return now.broken_reason in (FOLLOWED, MISSING)
    return now.state in ("waiting", "waiting_failed", "blocked", "blocked_failed")


def next_state(step: Step, job: WaitingJob, verdict: Verdict) -> JobChange:
    """Return the state of a job of this step that has not been released yet, by what it waits for."""
    manual = job.type == "manual"
    if verdict.canceled:
        return JobChange(job.id, "canceled", FOLLOWED, "a step that it waits for was cancelled")
    goes_on = isinstance(step, WaitStep) and step.continue_on_failure
    if (verdict.failed and not goes_on) or (goes_on and verdict.wait_failed):
        return JobChange(job.id, "blocked_failed" if manual else "waiting_failed")
    if verdict.pending:
        return JobChange(job.id, "blocked" if verdict.blocked and not manual else "waiting")
    if manual:
        return JobChange(job.id, "blocked")
    if job.type == "waiter":
        return JobChange(job.id, "finished")
    return JobChange(job.id, "limited" if job.concurrency_group and job.concurrency_limit is not None else "scheduled")
