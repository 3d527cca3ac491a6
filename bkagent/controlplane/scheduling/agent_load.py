"""How busy the agents are that meet the rules of a job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable, Tuple

from bkagent.controlplane.records import AgentGroup
from bkagent.controlplane.scheduling import agent_tags

BUSY, IDLE, PAUSED, STOPPING = "busy", "idle", "paused", "stopping"


@dataclass(frozen=True)
class AgentLoad:
    """How many agents do what."""

    busy: int = 0
    idle: int = 0
    paused: int = 0
    stopping: int = 0

    @property
    def total(self) -> int:
        """Return the number of all agents."""
        return self.busy + self.idle + self.paused + self.stopping


def load_of(groups: Iterable[AgentGroup]) -> AgentLoad:
    """Return the load of all agents in the groups."""
    counts = dict.fromkeys((BUSY, IDLE, PAUSED, STOPPING), 0)
    for group in groups:
        counts[group.activity] += group.count
    return AgentLoad(**counts)


def is_in_queue(tags: Iterable[str], queue: str) -> bool:
    """Say whether an agent with these tags takes jobs of a queue; of the queue "*" every agent does."""
    return agent_tags.meet((f"queue={queue}",), tuple(tags))


def why_no_agent(rules: Tuple[str, ...], load: AgentLoad) -> str:
    """Return why a job that could run has no agent yet, by the load of the agents that meet its rules."""
    if not load.total:
        queue = f"queue={agent_tags.queue_of(rules)}"
        return f"no connected agent has {' and '.join(rules) if queue in rules else ' and '.join((*rules, queue))}"
    if load.idle:
        return "an idle agent takes it at its next ping"
    if load.total in (load.busy, load.paused, load.stopping):
        activity = BUSY if load.busy else PAUSED if load.paused else STOPPING
        whose = "the only agent with its tags is" if load.total == 1 else f"all {load.total} agents with its tags are"
        return f"{whose} {activity}"
    counts = ((load.busy, BUSY), (load.paused, PAUSED), (load.stopping, STOPPING))
    parts = ", ".join(f"{count} {activity}" for count, activity in counts if count)
    return f"the {load.total} agents with its tags: {parts}"
