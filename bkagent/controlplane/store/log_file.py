"""The log of one job: a file in which each chunk stands at its offset, whatever order they come in."""

from __future__ import annotations

import bisect
import os
import threading
from typing import Iterable, Iterator, List, Optional, Tuple

from bkagent.controlplane.errors import PlaneError


class Extents:
    """Which bytes are there: pairs of start and end, apart from each other and in order."""

    def __init__(self, pieces: Iterable[Tuple[int, int]] = ()) -> None:
        """Begin with pieces given as (offset, size)."""
        self._found: List[Tuple[int, int]] = []
        for offset, size in pieces:
            self.add(offset, size)

    def overlaps(self, offset: int, size: int) -> bool:
        """Say whether any of these bytes is there."""
        at = bisect.bisect_right(self._found, (offset, offset))
        before = at > 0 and self._found[at - 1][1] > offset
        return before or (at < len(self._found) and self._found[at][0] < offset + size)

    def add(self, offset: int, size: int) -> None:
        """Note that these bytes are there."""
        start, end = offset, offset + size
        low = bisect.bisect_left(self._found, (start, start))
        if low > 0 and self._found[low - 1][1] >= start:
            low -= 1
        high = low
        while high < len(self._found) and self._found[high][0] <= end:
            start, end = min(start, self._found[high][0]), max(end, self._found[high][1])
            high += 1
        self._found[low:high] = [(start, end)]

    @property
    def contiguous(self) -> int:
        """Return how many bytes are there from the beginning without a gap."""
        return self._found[0][1] if self._found and self._found[0][0] == 0 else 0

    @property
    def total(self) -> int:
        """Return how many bytes are there."""
        return sum(end - start for start, end in self._found)

    def pieces(self, offset: int, size: Optional[int], *, whole: bool) -> Iterator[Tuple[int, int]]:
        """Yield (place in the file, length) of the bytes from `offset` on, counted without the gaps.

        `whole`: go on after a gap, which nothing will fill any more.
        """
        left = size
        passed = 0
        for start, end in self._found:
            if start > passed and not whole:
                return
            skip = max(0, offset - passed)
            passed += end - start
            length = end - start - skip
            if length > 0:
                length = length if left is None else min(length, left)
                if length <= 0:
                    return
                yield start + skip, length
                left = None if left is None else left - length


class LogFile:
    """The file of one job's log. Hold `lock` to write; one that is `closed` meanwhile must be opened anew."""

    def __init__(self, path: str, pieces: Iterable[Tuple[int, int]]) -> None:
        self.path = path
        self.lock = threading.RLock()
        self.closed = False
        self.extents = Extents(pieces)

    def write(self, offset: int, data: bytes) -> None:
        """Put bytes at their place. Raises PlaneError when the disk does not take them."""
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
            with open(descriptor, "r+b", buffering=0) as file:
                file.seek(offset)
                view = memoryview(data)
                while view:
                    view = view[file.write(view) or 0 :]
        except OSError as error:
            raise PlaneError(f"cannot write the log {self.path}: {error.strerror}") from error

    def read(self, offset: int = 0, size: Optional[int] = None, *, whole: bool) -> bytes:
        """Return bytes from `offset` on; see Extents.pieces. b"" where there are none (yet)."""
        with self.lock:
            pieces = list(self.extents.pieces(offset, size, whole=whole))
        if not pieces:
            return b""
        parts = []
        try:
            with open(self.path, "rb") as file:
                for place, length in pieces:
                    file.seek(place)
                    parts.append(file.read(length))
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise PlaneError(f"cannot read the log {self.path}: {error.strerror}") from error
        return b"".join(parts)

    def erase(self) -> None:
        """Take the file away. Raises PlaneError when the disk does not let it go."""
        try:
            os.unlink(self.path)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise PlaneError(f"cannot remove the log {self.path}: {error.strerror}") from error
        self.extents = Extents()

    def size(self, *, whole: bool) -> int:
        """Return how many bytes `read` gives."""
        with self.lock:
            return self.extents.total if whole else self.extents.contiguous
