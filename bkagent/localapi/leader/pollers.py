"""Clients of the reference that wait for a mutex: they try to swap it in again and again, and stand in no queue.

Among clients of ours a key goes from one to the next and is never free in between, so such a client would wait for as
long as there are any. Therefore a key that it has waited for longest is left free until it tries again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Set, Tuple

_TOKENS = "acquired("  # how the reference's begin. Source: Client.Lock in lock/lock.go
# It tries every 100 ms (localSocketSleepDuration there). One that is late, on a busy machine, comes within this;
# one that has gone delays the next client by as much, once.
PATIENCE_NS = 300_000_000
_POLLERS_COUNT = 256  # the tries of more are not remembered


@dataclass
class _Poller:
    first_ns: int
    last_ns: int
    tries_count: int = 1


class Pollers:
    """Who tries, and whether it is their turn. All moments are those of one clock. Not thread-safe.

    Those who try and those who stand in the queue take turns, so that neither keeps the others waiting for ever.
    """

    def __init__(self) -> None:
        self._pollers: Dict[Tuple[str, str], _Poller] = {}  # by key and token
        self._turns_of_queue: Set[str] = set()

    def note_refused(self, key: str, token: str, now_ns: int) -> None:
        """A client tried to swap this in, and the key was not free."""
        if not token.startswith(_TOKENS):
            return
        poller = self._pollers.get((key, token))
        if poller is not None:
            poller.last_ns, poller.tries_count = now_ns, poller.tries_count + 1
            return
        if len(self._pollers) >= _POLLERS_COUNT:
            self._pollers = {of: poller for of, poller in self._pollers.items() if _is_awaited(poller, now_ns)}
        if len(self._pollers) < _POLLERS_COUNT:
            self._pollers[key, token] = _Poller(now_ns, now_ns)

    def note_swapped(self, key: str, token: str, *, has_queue: bool) -> None:
        """A client has swapped this in: the next turn is that of the queue, whoever else tries."""
        if self._pollers.pop((key, token), None) is not None and has_queue:
            self._turns_of_queue.add(key)

    def note_granted(self, key: str) -> None:
        """Whoever stands in the queue has had a turn, or has gone."""
        self._turns_of_queue.discard(key)

    def reserved_until_ns(self, key: str, since_ns: int, now_ns: int) -> int:
        """Return until when a key is left to those who try; 0 where the turn is that of who waits since `since_ns`.

        A client that has tried only once may not try again.
        """
        if not self._pollers or key in self._turns_of_queue:
            return 0
        lasts = [
            poller.last_ns
            for (of_key, _), poller in self._pollers.items()
            if of_key == key and poller.tries_count > 1 and poller.first_ns < since_ns and _is_awaited(poller, now_ns)
        ]
        return max(lasts) + PATIENCE_NS if lasts else 0

    def clear(self) -> None:
        """Forget all, as at the end of a term."""
        self._pollers.clear()
        self._turns_of_queue.clear()


def _is_awaited(poller: _Poller, now_ns: int) -> bool:
    return now_ns < poller.last_ns + PATIENCE_NS
