"""The log of one job: a file in which each chunk is at its offset, whatever order they come in."""

from __future__ import annotations

import bisect
import os
import threading
from typing import Iterable, Iterator, List, Optional, Tuple

from bkagent.controlplane.errors import PlaneError
from bkagent.controlplane.store import disk_errors


class Extents:
    """The ranges of bytes that have been written: in order, not touching each other."""

    def __init__(self, pieces: Iterable[Tuple[int, int]] = ()) -> None:
        """Begin with pieces given as (offset, size)."""
        self._ranges: List[Tuple[int, int]] = []
        for offset, size in pieces:
            self.add(offset, size)

    def overlaps(self, offset: int, size: int) -> bool:
        """Say whether any of these bytes has been written."""
        at = bisect.bisect_right(self._ranges, (offset, offset))
        before = at > 0 and self._ranges[at - 1][1] > offset
        return before or (at < len(self._ranges) and self._ranges[at][0] < offset + size)

    def add(self, offset: int, size: int) -> None:
        """Note that these bytes have been written."""
        start, end = offset, offset + size
        low = bisect.bisect_left(self._ranges, (start, start))
        if low > 0 and self._ranges[low - 1][1] >= start:
            low -= 1
        high = low
        while high < len(self._ranges) and self._ranges[high][0] <= end:
            start, end = min(start, self._ranges[high][0]), max(end, self._ranges[high][1])
            high += 1
        self._ranges[low:high] = [(start, end)]

    @property
    def contiguous(self) -> int:
        """Return how many bytes have been written from the beginning on without a gap."""
        return self._ranges[0][1] if self._ranges and self._ranges[0][0] == 0 else 0

    @property
    def total(self) -> int:
        """Return how many bytes have been written."""
        return sum(end - start for start, end in self._ranges)

    def pieces(self, offset: int, size: Optional[int], *, whole: bool) -> Iterator[Tuple[int, int]]:
        """Yield (position in the file, length) of the bytes from `offset` on, counted without the gaps.

        `whole`: go on after a gap, which will not be filled any more.
        """
        left_bytes = size
        passed = 0
        for start, end in self._ranges:
            if start > passed and not whole:
                return
            skip = max(0, offset - passed)
            passed += end - start
            length = end - start - skip
            if length > 0:
                length = length if left_bytes is None else min(length, left_bytes)
                if length <= 0:
                    return
                yield start + skip, length
                left_bytes = None if left_bytes is None else left_bytes - length


class LogFile:
    """The file of one job's log. Hold `lock` to write; once it is `closed`, ask for another one."""

    def __init__(self, path: str, pieces: Iterable[Tuple[int, int]]) -> None:
        self.path = path
        self.lock = threading.RLock()
        self.closed = False
        self.extents = Extents(pieces)

    def write(self, offset: int, data: bytes) -> None:
        """Write bytes at an offset. Raises PlaneError if they cannot be written."""
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
            try:
                os.lseek(descriptor, offset, os.SEEK_SET)
                view = memoryview(data)
                while view:
                    view = view[os.write(descriptor, view) :]
            finally:
                os.close(descriptor)
        except OSError as error:
            raise disk_errors.of_file(f"cannot write the log {self.path}", error) from error

    def read(self, offset: int = 0, size: Optional[int] = None, *, whole: bool) -> bytes:
        """Return bytes from `offset` on; see Extents.pieces. b"" at the end of what is written."""
        with self.lock:
            pieces = list(self.extents.pieces(offset, size, whole=whole))
        if not pieces:
            return b""
        parts = []
        try:
            with open(self.path, "rb") as file:
                for position, length in pieces:
                    file.seek(position)
                    parts.append(file.read(length))
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise PlaneError(f"cannot read the log {self.path}: {error.strerror}") from error
        return b"".join(parts)

    def erase(self) -> None:
        """Remove the file. Raises PlaneError if it cannot be removed."""
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
