"""Secrets that a process knows of, taken out of what it says itself: messages, errors, what its hooks print."""

from __future__ import annotations

import threading
from typing import Iterable, List, Set

from bkagent.redaction.needles import Needle, needles_of, redacted, to_bytes
from bkagent.redaction.variables import SHORTEST_BYTES


class KnownSecrets:
    """Thread-safe. Shorter secrets than `redacted-vars` takes are not hidden: they would tear holes into messages."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._seen: Set[str] = set()
        self._needles: List[Needle] = []
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Hide a secret from now on, as it is and as it stands in quotes."""
        if len(to_bytes(secret)) < SHORTEST_BYTES:
            return
        with self._lock:
            if secret not in self._seen:
                self._seen.add(secret)
                self._needles = self._needles + needles_of(secret)

    def scrub(self, text: str) -> str:
        """Return a text with `[REDACTED]` for every known secret in it."""
        before = to_bytes(text)
        after = redacted(before, self._needles)
        return text if after is before else after.decode("utf-8", "surrogateescape")
