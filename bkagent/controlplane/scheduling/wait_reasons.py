"""In words, what a job waits for that may not go to an agent yet: the counterpart of `ordering` for people."""

from __future__ import annotations

from typing import Dict, List, Sequence

from bkagent.controlplane.records import Job
from bkagent.controlplane.scheduling.nodes import StepNode, StepTree

NAMES_COUNT = 3


class WaitReasons:
    """Explains the waiting jobs of one build."""

    def __init__(self, nodes: Sequence[StepNode]) -> None:
        nodes = [node for node in nodes if not node.entry.excluded]
        self._nodes = {node.id: node for node in nodes}
        self._tree = StepTree(nodes)
        self._pending_slots = {job.slot_id for node in nodes for job in node.jobs if not job.final}
        self._barriers: Dict[str, List[StepNode]] = {}
        for node in nodes:
            if node.barrier and _is_pending(node):
                self._barriers.setdefault(node.entry.group_id, []).append(node)

    def of(self, job: Job) -> str:
        """Return what a job waits for."""
        node = self._nodes.get(job.step_id)
        if node is None:
            return "waits for other steps"
        if node.uploader_slot in self._pending_slots:
            return "waits for the end of the job that uploaded it"
        pending = self._named(node)
        if pending:
            return _named_reason(pending)
        barrier = next((other for other in self._before(node) if other.entry.position < node.entry.position), None)
        return "waits for other steps" if barrier is None else _barrier_reason(barrier)

    def _named(self, node: StepNode) -> List[StepNode]:
        """Return the steps that a step waits for by name."""
        named = []
        for step in [node.step] + ([node.group] if node.group else []):
            for dependency in step.depends_on or ():
                for id in self._tree.named(dependency.key) or ():
                    ids = [id, *self._tree.descendants(id)]
                    named += [self._nodes[other] for other in ids if other != node.id and other in self._nodes]
        return [other for other in named if _is_pending(other)]

    def _before(self, node: StepNode) -> List[StepNode]:
        """Return the barriers that a step without names waits for, in order."""
        if node.step.depends_on is not None:
            return []
        barriers = list(self._barriers.get(node.entry.group_id, ()))
        if node.entry.group_id and (node.group is None or node.group.depends_on is None):
            barriers += self._barriers.get("", ())
        return sorted(barriers, key=lambda barrier: barrier.entry.position)


def _is_pending(node: StepNode) -> bool:
    return any(not job.final for job in node.jobs)


def _is_blocked(node: StepNode) -> bool:
    return any(job.type == "manual" and job.state == "blocked" for job in node.jobs)


def _named_reason(nodes: Sequence[StepNode]) -> str:
    blocked = [node for node in nodes if _is_blocked(node)]
    if blocked:
        return f"waits for {_name(blocked[0])} to be unblocked"
    names = ", ".join(_name(node) for node in nodes[:NAMES_COUNT])
    more = len(nodes) - NAMES_COUNT
    return f"waits for {names}" + (f" and {more} more steps" if more > 0 else "")


def _barrier_reason(node: StepNode) -> str:
    if _is_blocked(node):
        return f"waits for {_name(node)} to be unblocked"
    if node.entry.kind == "block":
        return f"waits for the block step {_name(node)}, which is not reached yet"
    return "waits at a wait step for the steps before it"


def _name(node: StepNode) -> str:
    label = node.step.label or node.step.key or next((job.command.partition("\n")[0] for job in node.jobs), "")
    return f"\u201c{label[:80]}\u201d" if label else node.step.place
