"""Secrets that a process knows of, taken out of what it says itself: messages, errors, what its hooks print."""

from __future__ import annotations

import threading
from contextlib import contextmanager

from bkagent.redaction.needles import Needle, needles_of, redacted, to_bytes
from bkagent.redaction.variables import SHORTEST_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Dict, Iterable, Iterator, List


class KnownSecrets:
    """Thread-safe. Shorter secrets than `redacted-vars` takes are not hidden: they would tear holes into messages."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._holders: Dict[str, int] = {}
        self._needles: List[Needle] = []
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Hide a secret from now on, as it is and as it stands in quotes."""
        if _is_long_enough(secret):
            self._count(secret, 1)

    @contextmanager
    def temporarily(self) -> Iterator[Callable[[str], None]]:
        """Give what hides a secret until the end of the block: an agent that runs for months sees many of them."""
        held: List[str] = []

        def hide(secret: str) -> None:
            if _is_long_enough(secret):
                held.append(secret)
                self._count(secret, 1)

        try:
            yield hide
        finally:
            for secret in held:
                self._count(secret, -1)

    def scrub(self, text: str) -> str:
        """Return a text with `[REDACTED]` for every known secret in it."""
        before = to_bytes(text)
        after = redacted(before, self._needles)
        return text if after is before else after.decode("utf-8", "surrogateescape")

    def _count(self, secret: str, change: int) -> None:
        with self._lock:
            count = self._holders.pop(secret, 0) + change
            if count:
                self._holders[secret] = count
            # A count of 1 after a change of 1 is a secret's first holder, one of 0 after -1 the end of its last.
            # Between these the needles stay as they are.
            if count == max(change, 0):
                self._needles = [needle for known in self._holders for needle in needles_of(known)]


def _is_long_enough(secret: str) -> bool:
    return len(to_bytes(secret)) >= SHORTEST_BYTES
