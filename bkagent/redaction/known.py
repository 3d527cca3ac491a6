"""Secrets that a process knows of, taken out of what it says itself: messages, errors, what its hooks print."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import Callable, Dict, Iterable, Iterator, List

from bkagent.redaction.needles import Needle, needles_of, redacted, to_bytes
from bkagent.redaction.variables import SHORTEST_BYTES


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
        if len(to_bytes(secret)) >= SHORTEST_BYTES:
            self._count(secret, 1)

    @contextmanager
    def for_a_while(self) -> Iterator[Callable[[str], None]]:
        """Give what hides a secret until the end of the block: an agent that runs for months sees many of them."""
        held: List[str] = []

        def hide(secret: str) -> None:
            if len(to_bytes(secret)) >= SHORTEST_BYTES:
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
            if count == max(change, 0):  # the first holder came, or the last one left
                self._needles = [needle for known in self._holders for needle in needles_of(known)]
