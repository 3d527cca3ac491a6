"""Whether a file is still the one that was read: by what the system keeps of it, and where that is not enough, its sum.

A change is noticed by the size, the times of the last change of content and of anything else, and the number of the
file, which a file that was renamed into its place does not share. Times have a grain: a change right after the one
before it may bear the same time. Where the last change was that fresh when a file was read, the sum of what is sent is
compared as well, before the last bytes of it leave: a request that has not been sent whole stores nothing.
"""

from __future__ import annotations

import os
import time
from io import FileIO

from bkagent.errors import AgentError
from bkagent.named_tuple import NamedTuple
from bkagent.transport.client.body import BodyWatch
from bkagent.wire.shown_text import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    import hashlib
    from typing import Callable, Optional

# The grain of times: up to 10 ms in Linux (a tick of its clock), 2 s in FAT. A sum costs little for a small file.
_GRAIN_NS, _COARSE_GRAIN_NS = 100_000_000, 2_000_000_000
_SMALL_BYTES = 8 * 1024 * 1024


class FileChanged(AgentError):
    """A file is not the one any more that was read. Reading it again may help."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{one_line(path)} has changed since it was read")


class FileIdentity(NamedTuple):
    """One version of a file. `is_fresh`: it may have changed without a sign, right after it was read."""

    device: int
    number: int
    size: int
    content_changed_ns: int
    changed_ns: int
    is_fresh: bool = False

    @classmethod
    def of(cls, status: os.stat_result, read_at_ns: int) -> FileIdentity:
        """Return the identity of a file that was read from `read_at_ns` on, in nanoseconds since the epoch."""
        grain_ns = _COARSE_GRAIN_NS if status.st_size <= _SMALL_BYTES else _GRAIN_NS
        is_fresh = read_at_ns - max(status.st_mtime_ns, status.st_ctime_ns) < grain_ns
        return cls(
            status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns, is_fresh
        )  # fmt: skip

    def is_of(self, status: os.stat_result) -> bool:
        """Return whether the file is still of this version, as far as its times tell."""
        now = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        return now == (self.device, self.number, self.size, self.content_changed_ns, self.changed_ns)


def now_ns() -> int:
    """Return the time by the clock that files are stamped with, in nanoseconds since the epoch."""
    return time.time_ns()


class FileWatch(BodyWatch):
    """Sees that what is sent of a file is of one version of it, and counts it."""

    def __init__(self, path: str, identity: Optional[FileIdentity], sha256: str, count: Callable[[int], None]) -> None:
        self._path, self._identity, self._sha256, self._count = path, identity, sha256, count
        self._sum: Optional[hashlib._Hash] = None
        self._read_bytes = 0
        if identity is not None and identity.is_fresh:
            from hashlib import sha256 as new_sha256

            self._sum = new_sha256()
        self.needs_content = self._sum is not None

    def opened(self, file: FileIO) -> None:
        """Raise FileChanged if this is another file, or another version of it."""
        if self._identity is not None and not self._identity.is_of(os.fstat(file.fileno())):
            raise FileChanged(self._path)

    def read(self, block: memoryview) -> None:
        """Add to the sum."""
        self._read_bytes += len(block)
        if self._sum is not None:
            self._sum.update(block)

    def all_read(self, file: FileIO) -> None:
        """Raise FileChanged if the file has changed meanwhile. A part has no sum to compare with."""
        self.opened(file)
        is_whole = self._identity is not None and self._read_bytes == self._identity.size
        if self._sum is not None and is_whole and self._sum.hexdigest() != self._sha256:
            raise FileChanged(self._path)

    def sent(self, size: int) -> None:
        """Count."""
        self._count(size)
