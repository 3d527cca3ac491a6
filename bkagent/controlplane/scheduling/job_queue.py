"""The jobs that wait for agents, in the order of dispatch, under the rules that their agents must meet."""

from __future__ import annotations

import bisect
import heapq
from typing import Callable, Dict, Iterator, List, Tuple

Rules = Tuple[str, ...]
# Sorts jobs; the first goes first.
Key = Tuple[float, ...]


class JobQueue:
    """A queue for each set of rules: who meets none of a queue's rules need not look at its jobs one by one."""

    def __init__(self) -> None:
        self._queues: Dict[Rules, List[Tuple[Key, str]]] = {}
        self._jobs: Dict[str, Tuple[Rules, Key]] = {}

    def put(self, id: str, rules: Rules, key: Key) -> None:
        """Take in a job, or put it elsewhere."""
        self.remove(id)
        self._jobs[id] = (rules, key)
        bisect.insort(self._queues.setdefault(rules, []), (key, id))

    def remove(self, id: str) -> None:
        """Take a job out, if it is in."""
        if id not in self._jobs:
            return
        rules, key = self._jobs.pop(id)
        queue = self._queues[rules]
        del queue[bisect.bisect_left(queue, (key, id))]
        if not queue:
            del self._queues[rules]

    def __contains__(self, id: str) -> bool:
        return id in self._jobs

    def walk(self, is_wanted: Callable[[Rules], bool]) -> Iterator[str]:
        """Yield jobs, the first first, but none whose rules `is_wanted` has once refused. The queue may not change."""
        heads = [(queue[0], rules, 0) for rules, queue in self._queues.items()]
        heapq.heapify(heads)
        while heads:
            (_, id), rules, at = heads[0]
            if not is_wanted(rules):
                heapq.heappop(heads)
                continue
            yield id
            queue = self._queues[rules]
            if at + 1 < len(queue):
                heapq.heapreplace(heads, (queue[at + 1], rules, at + 1))
            else:
                heapq.heappop(heads)
