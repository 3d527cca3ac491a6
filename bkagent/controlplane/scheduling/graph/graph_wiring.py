"""The gates between the steps of a build: who waits behind which, by the rules of `ordering`."""

from __future__ import annotations

from typing import Dict, FrozenSet, List, Optional, Sequence, Set, Tuple

from bkagent.controlplane.scheduling.graph.gates import Gate, Ranked, outcome_at
from bkagent.controlplane.scheduling.graph.graph_steps import GraphStep
from bkagent.controlplane.scheduling.nodes import StepNode, StepTree
from bkagent.controlplane.scheduling.ordering import unknown_dependency
from bkagent.pipeline.model.steps import Dependency


class _Order:
    """The order of the document within the build or a group, up to the step that is looked at.

    earlier    the gate behind everything so far, for a wait or block step
    barriers   the gate behind the waits and blocks so far, for other steps; None before the first
    """

    def __init__(self, earlier: Gate, barriers: Optional[Gate] = None) -> None:
        self.earlier, self.barriers = earlier, barriers


class Wiring:
    """Makes the steps of a graph and the gates between them.

    steps        by id, in order of their coming
    slot_gates   by the slot of a job, gates behind that job alone
    new          the steps and gates that were made last; `before_new` are steps from before that they wait for
    """

    def __init__(self, nodes: Sequence[StepNode]) -> None:
        self._tree = StepTree(nodes)
        self.steps: Dict[str, GraphStep] = {}
        self.slot_gates: Dict[str, Gate] = {}
        self.new: List[Ranked] = []
        self.before_new: List[GraphStep] = []
        self._unknown_keys: Set[str] = set()
        self._named_gates: Dict[Tuple[str, FrozenSet[str], str], Gate] = {}
        self._named_ids: Dict[str, FrozenSet[str]] = {}
        self._slots = {job.slot_id for node in nodes for job in node.jobs}
        self._orders = {"": _Order(self._new_gate())}
        self._wire_all(nodes)

    def can_add(self, nodes: Sequence[StepNode], uploader: GraphStep) -> bool:
        """Say whether steps can be added behind a step, or its group, without another look at those that follow."""
        keys = {node.entry.key for node in nodes if node.entry.key}
        has_barrier = any(node.barrier and not node.entry.group_id for node in nodes)
        is_known = any(self._tree.named(key) is not None for key in keys)
        return uploader.place is not None and not has_barrier and not is_known and not keys & self._unknown_keys

    def add(self, nodes: Sequence[StepNode], uploader: GraphStep) -> None:
        """Add steps for which `can_add` is true."""
        assert uploader.place is not None
        self.new, self.before_new = [], []
        self._tree.add(nodes)
        self._orders = {"": _Order(*uploader.place)}
        self._slots = {job.slot_id for job in uploader.jobs.values()}
        self._wire_all(nodes)

    def _wire_all(self, nodes: Sequence[StepNode]) -> None:
        nodes = [node for node in nodes if node.entry.kind != "group"]
        for node in nodes:
            self.steps[node.id] = GraphStep(node)
            self.new.append(self.steps[node.id])
        for node in nodes:
            for ancestor in self._tree.ancestors(node.id):
                for gate in self.steps[ancestor].gates_of_uploads:
                    self._join(node.id, gate)
        for node in nodes:
            if not node.entry.excluded:
                self._wire(node)
        self._orders.clear()

    def _new_gate(self, previous: Optional[Gate] = None) -> Gate:
        gate = Gate(previous)
        self.new.append(gate)
        return gate

    def _wire(self, node: StepNode) -> None:
        if node.entry.group_id not in self._orders:
            self._orders[node.entry.group_id] = _Order(self._new_gate())
        order = self._orders[node.entry.group_id]
        step, group = node.step, node.group
        is_allowed = step.allow_dependency_failure
        if step.depends_on is not None:
            self._wait_for_named(node, step.depends_on, is_allowed)
        else:
            self._wait_behind(node, order.earlier if node.barrier else order.barriers, is_allowed)
        if group is not None and group.depends_on is not None:
            self._wait_for_named(node, group.depends_on, is_allowed or group.allow_dependency_failure)
        elif group is not None and step.depends_on is None:
            self._wait_behind(node, self._orders[""].barriers, is_allowed or group.allow_dependency_failure)
        if node.uploader_slot in self._slots:
            self._wait_behind(node, self._slot_gate(node), is_allowed)
        self.steps[node.id].unknown = unknown_dependency(node, self._tree)
        if node.entry.kind != "input":
            self._hold_back_later(node, order)
        self.steps[node.id].place = (self._orders[""].earlier, self._orders[""].barriers)

    def _wait_behind(self, node: StepNode, gate: Optional[Gate], is_allowed: bool) -> None:
        if gate is not None:
            step = self.steps[node.id]
            step.inputs.append((gate, is_allowed))
            gate.waiting.append(step)

    def _slot_gate(self, node: StepNode) -> Gate:
        """Return the gate behind the job that uploaded a step."""
        slot = node.uploader_slot
        if slot not in self.slot_gates:
            gate = self.slot_gates[slot] = self._new_gate()
            uploader = self.steps[node.entry.uploaded_by]
            self.before_new.append(uploader)
            for job in uploader.jobs.values():
                if job.slot_id == slot:
                    gate.add(job.outcome)
        return self.slot_gates[slot]

    def _wait_for_named(self, node: StepNode, dependencies: Sequence[Dependency], is_allowed: bool) -> None:
        for dependency in dependencies:
            if self._tree.named(dependency.key) is None:
                self._unknown_keys.add(dependency.key)
            else:
                gate = self._named_gate(node, dependency.key)
                self._wait_behind(node, gate, is_allowed or dependency.allow_failure)

    def _named_gate(self, node: StepNode, key: str) -> Gate:
        """Return the gate behind what a key stands for, as this step sees it: most see the same."""
        ids = self._tree.named(key) or ()
        if key not in self._named_ids:
            self._named_ids[key] = frozenset(ids)
        named = self._named_ids[key]
        uploaders = frozenset(id for id in self._tree.ancestors(node.id) if id in named)
        view = (key, uploaders, node.id if node.id in named else "")
        if view not in self._named_gates:
            gate = self._named_gates[view] = self._new_gate()
            for id in ids:
                if id not in uploaders:
                    self.steps[id].gates_of_uploads.append(gate)
                # What a step uploaded cannot wait for the rest of the same upload through the uploader's key.
                for member in [id] if id in uploaders else [id, *self._tree.descendants(id)]:
                    if member != node.id:
                        self._join(member, gate)
        return self._named_gates[view]

    def _hold_back_later(self, node: StepNode, order: _Order) -> None:
        """Let later steps wait for this one: in its group with all that it uploaded, which stands after the group."""
        build_order, in_group = self._orders[""], bool(node.entry.group_id)
        is_barrier = node.barrier
        for each in {id(order): order, id(build_order): build_order}.values():
            if is_barrier and each is order:
                each.earlier = self._new_gate(each.earlier)
            self._join(node.id, each.earlier, is_barrier and each is order)
        if in_group:
            self.steps[node.id].gates_of_uploads.append(order.earlier)
            for descendant in self._tree.descendants(node.id):
                self._join(descendant, order.earlier)
        if is_barrier:
            order.barriers = self._new_gate(order.barriers)
            self._join(node.id, order.barriers, True)

    def _join(self, id: str, gate: Gate, is_barrier: bool = False) -> None:
        step = self.steps[id]
        if not step.is_excluded:
            step.gates.append((gate, is_barrier))
            gate.add(outcome_at(step.outcome, is_barrier))
            if gate.rank < 0 <= step.rank:
                self.before_new.append(step)
