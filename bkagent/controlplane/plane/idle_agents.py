"""The agents that a job can go to at this moment, the best first."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Callable, Dict, List, Optional, Tuple

from bkagent.controlplane.records import Agent


@dataclass(frozen=True)
class IdleAgent:
    """An agent without a job.

    agent          as it was when it became idle
    is_connected   says whether the client of its ping still waits for the answer
    expected_until moment of `clock` until which it is expected to ping; None for one whose ping is here
    """

    agent: Agent
    is_connected: Callable[[], bool]
    expected_until: Optional[float] = None


class IdleAgents:
    """Keeps them. Its callers hold the lock of the store.

    For `expected_s` after the end of a job other agents wait for the one that ran it, which is preferred.
    """

    def __init__(self, expected_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._expected_s, self.clock = expected_s, clock
        self._pinging: Dict[str, IdleAgent] = {}
        self._expected: Dict[str, IdleAgent] = {}

    def begin(self, agent: Agent, is_connected: Callable[[], bool]) -> IdleAgent:
        """Note that an agent's ping waits for a job. It takes the place of one that its agent has given up."""
        self._expected.pop(agent.id, None)
        idle = self._pinging[agent.id] = IdleAgent(agent, is_connected)
        return idle

    def has(self, idle: IdleAgent) -> bool:
        """Say whether a ping still waits, and none has taken its place."""
        return self._pinging.get(idle.agent.id) is idle

    def end(self, idle: IdleAgent) -> None:
        """Note that a ping is about to be answered. One that has taken its place goes on waiting."""
        if self.has(idle):
            del self._pinging[idle.agent.id]

    def expect(self, agent: Agent) -> None:
        """Note that an agent has just ended a job."""
        until = self.clock() + self._expected_s
        self._expected[agent.id] = IdleAgent(agent, lambda: True, until)

    def ranked(self) -> List[IdleAgent]:
        """Return them, the best first."""
        now = self.clock()
        for agent_id in [id for id, idle in self._expected.items() if (idle.expected_until or 0.0) <= now]:
            del self._expected[agent_id]
        return sorted([*self._pinging.values(), *self._expected.values()], key=lambda idle: _rank(idle.agent))


def _rank(agent: Agent) -> Tuple[object, ...]:
    """Order agents by priority, one without a priority last, then by how recently they completed a job.

    Source: https://buildkite.com/docs/agent/prioritization
    """
    return (
        agent.priority is None, -(agent.priority or 0), agent.last_job_finished_at is None,
        -(agent.last_job_finished_at or 0.0), agent.connected_at or 0.0, agent.id,
    )  # fmt: skip
