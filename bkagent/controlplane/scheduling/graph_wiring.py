"""The gates between the steps of a build: who waits behind which, by the rules of `ordering`."""

from __future__ import annotations

import itertools
from typing import Dict, FrozenSet, List, Optional, Sequence, Tuple

from bkagent.controlplane.scheduling.gates import Gate, Ranked
from bkagent.controlplane.scheduling.graph_steps import GraphStep
from bkagent.controlplane.scheduling.nodes import StepNode, StepTree
from bkagent.controlplane.scheduling.ordering import unknown_dependency
from bkagent.pipeline.model.steps import Dependency


class _Order:
    """The order of the document within the build or a group, up to the step that is looked at.

    earlier    the gate behind everything so far, for a wait or block step
    barriers   the gate behind the waits and blocks so far, for other steps; None before the first
    """

    def __init__(self) -> None:
        self.earlier = Gate()
        self.barriers: Optional[Gate] = None


class Wiring:
    """Makes the steps of a graph and the gates between them.

    steps        by id, in order
    slot_gates   by the slot of a job, gates behind that job alone
    """

    def __init__(self, nodes: Sequence[StepNode]) -> None:
        self._tree = StepTree(nodes)
        self._nodes = [node for node in nodes if node.entry.kind != "group"]
        self.steps = {node.id: GraphStep(index, node) for index, node in enumerate(self._nodes)}
        self.slot_gates: Dict[str, Gate] = {}
        self._named_gates: Dict[Tuple[str, FrozenSet[str], str], Gate] = {}
        self._named_ids: Dict[str, FrozenSet[str]] = {}
        self._slots = {job.slot_id for node in nodes for job in node.jobs}
        self._orders: Dict[str, _Order] = {"": _Order()}
        for node in self._nodes:
            if not node.entry.excluded:
                self._wire(node)

    def _wire(self, node: StepNode) -> None:
        order = self._orders.setdefault(node.entry.group_id, _Order())
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
            gate = self.slot_gates.setdefault(node.uploader_slot, Gate())
            self._wait_behind(node, gate, is_allowed)
        self.steps[node.id].unknown = unknown_dependency(node, self._tree)
        if node.entry.kind != "input":
            self._hold_back_later(node, order)

    def _wait_behind(self, node: StepNode, gate: Optional[Gate], is_allowed: bool) -> None:
        if gate is not None:
            step = self.steps[node.id]
            step.inputs.append((gate, is_allowed))
            gate.waiting.append(step)

    def _wait_for_named(self, node: StepNode, dependencies: Sequence[Dependency], is_allowed: bool) -> None:
        for dependency in dependencies:
            if self._tree.named(dependency.key) is not None:
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
            gate = self._named_gates[view] = Gate()
            for id in ids:
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
                each.earlier = Gate(each.earlier)
            self._join(node.id, each.earlier, is_barrier and each is order)
        if in_group:
            for descendant in self._tree.descendants(node.id):
                self._join(descendant, order.earlier)
        if is_barrier:
            order.barriers = Gate(order.barriers)
            self._join(node.id, order.barriers, True)

    def _join(self, id: str, gate: Gate, is_barrier: bool = False) -> None:
        if not self.steps[id].is_excluded:
            self.steps[id].gates.append((gate, is_barrier))

    def ranked(self) -> List[Ranked]:
        """Return steps and gates so that each comes after all that it waits for; [] if some wait in a circle."""
        followers = self._followers()
        missing: Dict[Ranked, int] = dict.fromkeys(followers, 0)
        for follower in itertools.chain.from_iterable(followers.values()):
            missing[follower] += 1
        ranked = [each for each, count in missing.items() if not count]
        for each in ranked:  # grows meanwhile
            for follower in followers[each]:
                missing[follower] -= 1
                if not missing[follower]:
                    ranked.append(follower)
        return ranked if len(ranked) == len(followers) else []

    def _followers(self) -> Dict[Ranked, List[Ranked]]:
        """Return what is to be looked at again after each step and gate."""
        followers: Dict[Ranked, List[Ranked]] = {}
        for node in self._nodes:
            slots = [job.slot_id for job in node.jobs if job.slot_id in self.slot_gates]
            gates = [gate for gate, _ in self.steps[node.id].gates]
            followers[self.steps[node.id]] = [*gates, *(self.slot_gates[slot] for slot in slots)]
        pending = list(itertools.chain.from_iterable(followers.values()))
        while pending:
            gate = pending.pop()
            if gate not in followers:
                followers[gate] = gate.waiting if isinstance(gate, Gate) else []
                pending += followers[gate]
        return followers
