"""The agents that a job can go to at this moment, the best first."""

from __future__ import annotations

import bisect
import functools
import threading
import time
from dataclasses import dataclass
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from bkagent.controlplane.plane.dispatching.held_ping import HeldPing
from bkagent.controlplane.records import Agent
from bkagent.controlplane.scheduling import agent_tags

Rank = Tuple[object, ...]
_REMEMBERED_COUNT = 65536  # of pairs of a job's rules and an agent's tags


@dataclass(frozen=True)
class IdleAgent:
    """An agent without a job.

    agent          as it was when it became idle
    ping           what waits for an answer; None for an agent that is expected to ping
    expected_until moment of `clock` until which it is expected to ping; None for one whose ping is here
    """

    agent: Agent
    ping: Optional[HeldPing] = None
    expected_until: Optional[float] = None


class Ranking:
    """Agents in the order in which jobs go to them, those of the same tags in a list of their own."""

    def __init__(self) -> None:
        self._groups: Dict[Tuple[str, ...], List[Tuple[Rank, IdleAgent]]] = {}

    def put(self, idle: IdleAgent) -> None:
        """Add an agent that is not in it."""
        bisect.insort(self._groups.setdefault(idle.agent.meta_data, []), (_rank(idle.agent), idle))

    def remove(self, idle: IdleAgent) -> None:
        """Remove an agent that is in it."""
        group = self._groups[idle.agent.meta_data]
        del group[bisect.bisect_left(group, (_rank(idle.agent),))]
        if not group:
            del self._groups[idle.agent.meta_data]

    def has_any_for(self, rules: Sequence[str]) -> bool:
        """Return whether the tags of any agent meet these rules."""
        return any(_meets(tuple(rules), tags) for tags in self._groups)

    def best_for(self, rules: Sequence[str]) -> Optional[IdleAgent]:
        """Return the first agent whose tags meet these rules."""
        firsts = [group[0] for tags, group in self._groups.items() if _meets(tuple(rules), tags)]
        return min(firsts)[1] if firsts else None

    def __bool__(self) -> bool:
        return bool(self._groups)


class IdleAgents:
    """Keeps them. Safe for any thread; who takes or removes an agent's ping has to answer it.

    For `expected_s` after the end of a job other agents wait for the one that ran it, which is preferred.
    """

    def __init__(self, expected_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._expected_s, self.clock = expected_s, clock
        self._lock = threading.Lock()
        self._pinging: Dict[str, IdleAgent] = {}
        self._expected: Dict[str, IdleAgent] = {}
        self._all = Ranking()  # but those that get no jobs
        self._is_holding_back = False
        self._overdue: List[HeldPing] = []

    def __len__(self) -> int:
        """Return how many pings wait."""
        return len(self._pinging)

    def begin(self, agent: Agent, ping: HeldPing) -> Tuple[IdleAgent, Optional[HeldPing]]:
        """Note that an agent's ping waits for a job. Also return the one that its agent has given up for it."""
        idle = IdleAgent(agent, ping)
        with self._lock:
            expected = self._expected.pop(agent.id, None)
            if expected is not None:
                self._all.remove(expected)
            former = self._pinging.get(agent.id)
            if former is not None:
                self._drop(former)
            self._pinging[agent.id] = idle
            if not agent.ignore_in_dispatches:
                self._all.put(idle)
        return idle, former.ping if former is not None else None

    def has(self, idle: IdleAgent) -> bool:
        """Return whether a ping waits that nobody else answers."""
        return self._pinging.get(idle.agent.id) is idle

    def remove(self, ping: HeldPing) -> bool:
        """Let a ping wait no longer; return whether it is the caller who answers it."""
        with self._lock:
            idle = self._pinging.get(ping.agent_id)
            if idle is None or idle.ping is not ping:
                return False
            self._drop(idle)
            return True

    def remove_late(self, ping: HeldPing) -> bool:
        """The same for a ping whose time is over; while a job is held back for a moment it goes on waiting."""
        with self._lock:
            if self._is_holding_back:
                self._overdue.append(ping)
                return False
        return self.remove(ping)

    def ping_of(self, agent_id: str) -> Optional[HeldPing]:
        """Return the ping of an agent that waits."""
        idle = self._pinging.get(agent_id)
        return idle.ping if idle is not None else None

    def expect(self, agent: Agent) -> None:
        """Note that an agent has just ended a job."""
        with self._lock:
            if agent.id in self._pinging:
                return
            former = self._expected.pop(agent.id, None)
            if former is not None:
                self._all.remove(former)
            idle = self._expected[agent.id] = IdleAgent(agent, None, self.clock() + self._expected_s)
            self._all.put(idle)

    def all(self) -> Ranking:
        """Return all of them, to be given to `take`."""
        with self._lock:
            self._forget_unpunctual()
            return self._all

    def newcomer(self, idle: IdleAgent) -> Ranking:
        """Return a newcomer and those that are expected: to the others no job can go that has not gone yet."""
        ranking = Ranking()
        with self._lock:
            self._forget_unpunctual()
            for other in (idle, *self._expected.values()):
                if not other.agent.ignore_in_dispatches:
                    ranking.put(other)
        return ranking

    def has_any_for(self, ranking: Ranking, rules: Sequence[str]) -> bool:
        """Return whether the tags of any agent of a ranking meet these rules."""
        with self._lock:
            return ranking.has_any_for(rules)

    def take(self, ranking: Ranking, rules: Sequence[str]) -> Optional[IdleAgent]:
        """Take the best agent for a job out of a ranking; None where no agent is suitable."""
        with self._lock:
            while True:
                best = ranking.best_for(rules)
                if best is None:
                    return None
                if best.ping is None:
                    ranking.remove(best)
                    return best
                if ranking is not self._all:
                    ranking.remove(best)
                if self.has(best):
                    self._drop(best)
                    return best

    def hold_back(self, passed: Sequence[IdleAgent], ranking: Ranking) -> List[HeldPing]:
        """End a round: put the expected agents back for which jobs were held back.

        Return the pings whose time is over, if no job is held back any more. `remove` says whether they still wait.
        """
        with self._lock:
            self._is_holding_back = bool(passed)
            if ranking is self._all:
                for idle in passed:
                    self._all.put(idle)
            overdue, self._overdue = ([], self._overdue) if passed else (self._overdue, [])
            return overdue

    def _drop(self, idle: IdleAgent) -> None:
        del self._pinging[idle.agent.id]
        if not idle.agent.ignore_in_dispatches:
            self._all.remove(idle)

    def _forget_unpunctual(self) -> None:
        now = self.clock()
        for agent_id, idle in list(self._expected.items()):
            if (idle.expected_until or 0.0) <= now:
                del self._expected[agent_id]
                self._all.remove(idle)


def _rank(agent: Agent) -> Rank:
    """Order agents by priority, one without a priority last, then by how recently they completed a job.

    Source: https://buildkite.com/docs/agent/prioritization
    """
    return (
        agent.priority is None, -(agent.priority or 0), agent.last_job_finished_at is None,
        -(agent.last_job_finished_at or 0.0), agent.connected_at or 0.0, agent.id,
    )  # fmt: skip


@functools.lru_cache(maxsize=_REMEMBERED_COUNT)
def _meets(rules: Tuple[str, ...], tags: Tuple[str, ...]) -> bool:
    return agent_tags.meet(rules, tags)
