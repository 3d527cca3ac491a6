"""The moments at which something about keys is over, in their order."""

from __future__ import annotations

import heapq
from typing import Callable, Iterator, List, Optional, Set, Tuple

_Deadline = Tuple[int, str, str]


class Deadlines:
    """Each is a moment of one clock, a key and a token, or "". `on_add()` is called for each. Not thread-safe."""

    def __init__(self, on_add: Callable[[], None]) -> None:
        self._heap: List[_Deadline] = []
        self._all: Set[_Deadline] = set()
        self._on_add = on_add

    def add(self, moment_ns: int, key: str = "", token: str = "") -> None:
        """Add one, unless it is there."""
        deadline = (moment_ns, key, token)
        if deadline not in self._all:
            self._all.add(deadline)
            heapq.heappush(self._heap, deadline)
            self._on_add()

    def pop_passed(self, now_ns: int) -> Iterator[_Deadline]:
        """Take off those that have passed, one after the other; more may be added meanwhile."""
        while self._heap and self._heap[0][0] <= now_ns:
            deadline = heapq.heappop(self._heap)
            self._all.discard(deadline)
            yield deadline

    def next_ns(self) -> Optional[int]:
        """Return the moment of the first, None where there is none."""
        return self._heap[0][0] if self._heap else None
