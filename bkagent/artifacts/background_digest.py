"""A SHA-256 of a long content, added to by a thread of its own while its owner goes on with the same bytes.

A transfer of one large artifact by a single thread has one share of a busy machine, a program of several threads more.
"""

from __future__ import annotations

import hashlib
import threading
from functools import partial

from bkagent.artifacts.thread_edge import run_to_end

TYPE_CHECKING = False
if TYPE_CHECKING:
    from queue import SimpleQueue
    from typing import Optional, Union

    Data = Union[bytes, memoryview]

AHEAD_COUNT = 2  # blocks that wait to be added; each of the files under way may have so many in memory
_BEGINNING_BYTES = 8 * 1024 * 1024  # of which most contents have no more: a thread would cost more than it saves


class BackgroundDigest:
    """One thread calls its methods; `close` it."""

    def __init__(self) -> None:
        self._digest, self._size = hashlib.sha256(), 0
        self._may_start = True
        self._adder: Optional[_Adder] = None

    def update(self, data: Data) -> None:
        """Add bytes, now or soon: they may change only after AHEAD_COUNT more calls, or one of `hexdigest`."""
        self._size += len(data)
        if self._size > _BEGINNING_BYTES and self._may_start:
            self._may_start, self._adder = False, _started_adder(self._digest)
        if self._adder is None:
            self._digest.update(data)
        else:
            self._adder.add(data)

    def hexdigest(self) -> str:
        """Return the sum of all that was added, in hexadecimal digits."""
        if self._adder is not None:
            self._adder.wait()
        return self._digest.hexdigest()

    def close(self) -> None:
        """Let the thread end."""
        if self._adder is not None:
            self._adder.end()


class _Adder:
    """A thread that adds blocks to a digest, in turn. Its queues are C code: a handover costs next to nothing."""

    def __init__(self, digest: hashlib._Hash) -> None:
        """Raises RuntimeError where no thread can be started."""
        from queue import SimpleQueue

        self._digest = digest
        self._blocks: SimpleQueue[Optional[Data]] = SimpleQueue()
        self._room: SimpleQueue[None] = SimpleQueue()
        self._problem: Optional[Exception] = None
        threading.Thread(target=self._run, name="artifact-digest", daemon=True).start()
        self._make_room()

    def add(self, data: Data) -> None:
        self._room.get()
        self._blocks.put(data)

    def wait(self) -> None:
        """Wait until all is added. Raises what has kept the thread from that."""
        for _ in range(AHEAD_COUNT):
            self._room.get()
        self._make_room()
        if self._problem is not None:
            raise self._problem

    def end(self) -> None:
        self._blocks.put(None)

    def _make_room(self) -> None:
        for _ in range(AHEAD_COUNT):
            self._room.put(None)

    def _run(self) -> None:
        while True:
            data = self._blocks.get()
            if data is None:
                return
            run_to_end(partial(self._digest.update, data), self._take_problem)
            data = None  # holds nothing while it waits
            self._room.put(None)

    def _take_problem(self, problem: Exception) -> None:
        self._problem = problem


def _started_adder(digest: hashlib._Hash) -> Optional[_Adder]:
    try:
        return _Adder(digest)
    except RuntimeError:  # where the system lets no thread be started
        return None
