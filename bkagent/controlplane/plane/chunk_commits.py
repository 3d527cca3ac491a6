"""Notes of chunks in the store: those that wait for it at the same moment share one transaction."""

from __future__ import annotations

import threading
from typing import List

from bkagent.controlplane.errors import PlaneError
from bkagent.controlplane.plane.ledger import Ledger
from bkagent.controlplane.store import chunks
from bkagent.controlplane.store.chunks import ChunkRow


class _Note:
    """A chunk that a thread waits for to be in the store."""

    def __init__(self, chunk: ChunkRow) -> None:
        self.chunk = chunk
        self.committed = False


class ChunkCommits:
    """Commits chunks, for any number of threads at once."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._waiting: List[_Note] = []

    def add(self, chunk: ChunkRow) -> None:
        """Note that a chunk's bytes are in their file; return once that is committed. Raises PlaneError."""
        note = _Note(chunk)
        with self._lock:
            self._waiting.append(note)
        with self._ledger.db.lock:
            # While this thread waited, another one may have committed its chunk with its own.
            if note.committed:
                return
            with self._lock:
                waiting, self._waiting = self._waiting, []
            if len(waiting) > 1:
                try:
                    self._commit(waiting)
                except PlaneError:
                    pass  # perhaps the fault of one chunk, whose job was deleted, say: each is tried alone
            # After a commit in vain this thread's chunk is not among those that wait, though others may be by now.
            if not note.committed:
                self._commit([note])

    def _commit(self, notes: List[_Note]) -> None:
        with self._ledger.change():
            for note in notes:
                chunks.add(self._ledger.db, note.chunk)
        for note in notes:
            note.committed = True
