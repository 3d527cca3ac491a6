"""The steps of one build as scheduling sees them: each with its jobs, its group and who uploaded it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Set, Tuple

from bkagent.controlplane.records import Job, StepEntry
from bkagent.pipeline.model.steps import GroupStep, Step

# The steps of a document in order, each with the group that it stands in.
Walk = Tuple[Tuple[Step, Optional[GroupStep]], ...]


@dataclass(frozen=True)
class StepNode:
    """One step. `jobs` are the attempts that count; `uploader_slot` is the slot of the job that uploaded it, or ""."""

    entry: StepEntry
    step: Step
    group: Optional[GroupStep] = None
    jobs: Tuple[Job, ...] = ()
    uploader_slot: str = ""

    @property
    def id(self) -> str:
        """Return the step's id."""
        return self.entry.id

    @property
    def barrier(self) -> bool:
        """Say whether later steps wait for this one without naming it."""
        return self.entry.kind in ("wait", "block")


class StepTree:
    """The steps that a key stands for, and the uploads that steps came from."""

    def __init__(self, nodes: Sequence[StepNode]) -> None:
        self._keyed: Dict[str, List[str]] = {}
        self._children: Dict[str, List[str]] = {}
        self._descendants: Dict[str, Set[str]] = {}
        self._uploaders: Dict[str, str] = {}
        self.add(nodes)

    def add(self, nodes: Sequence[StepNode]) -> None:
        """Take in steps, groups whole."""
        for node in nodes:
            entry = node.entry
            if entry.key:
                self._keyed.setdefault(entry.key, [])
                if entry.kind != "group":
                    self._keyed[entry.key].append(entry.id)
            if entry.uploaded_by and entry.kind != "group":
                self._children.setdefault(entry.uploaded_by, []).append(entry.id)
                self._uploaders[entry.id] = entry.uploaded_by
                for ancestor in self.ancestors(entry.id) if self._descendants else ():
                    if ancestor in self._descendants:
                        self._descendants[ancestor].add(entry.id)
        groups = {node.entry.id: node.entry.key for node in nodes if node.entry.kind == "group" and node.entry.key}
        for node in nodes:
            if node.entry.group_id in groups:
                self._keyed[groups[node.entry.group_id]].append(node.id)

    def named(self, key: str) -> Optional[Sequence[str]]:
        """Return the ids of the steps that a key stands for (a group's: its steps), or None for an unknown key."""
        return self._keyed.get(key)

    def descendants(self, id: str) -> Set[str]:
        """Return the ids of all steps that the step's jobs uploaded, and those uploaded in turn."""
        if id not in self._descendants:
            reached: Set[str] = set()
            pending = [id]
            while pending:
                for child in self._children.get(pending.pop(), ()):
                    if child not in reached:
                        reached.add(child)
                        pending.append(child)
            self._descendants[id] = reached
        return self._descendants[id]

    def ancestors(self, id: str) -> List[str]:
        """Return the ids of the step whose job uploaded this one, of the one that uploaded that, and so on."""
        reached = []
        while id in self._uploaders:
            id = self._uploaders[id]
            reached.append(id)
        return reached
