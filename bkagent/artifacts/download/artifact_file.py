"""An artifact on its way to disk: what has come of it, under another name until it is whole, and its checksum."""

from __future__ import annotations

import threading
from io import FileIO

from bkagent.artifacts.background_digest import BackgroundDigest
from bkagent.artifacts.download.write_errors import unwritable
from bkagent.errors import AgentError
from bkagent.system.confined_folder import NewFile
from bkagent.wire.shown_text import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    import hashlib
    from typing import Callable, Union

    Digest = Union[hashlib._Hash, BackgroundDigest]

_BLOCK_BYTES = 1024 * 1024


def add_rest(file: FileIO, digest: Digest) -> int:
    """Add the rest of a file to a digest, in big blocks; return its size in bytes. Raises OSError."""
    block = bytearray(_BLOCK_BYTES)
    view = memoryview(block)
    size = 0
    while True:
        got = file.readinto(block)
        if not got:
            return size
        digest.update(bytes(view[:got]))
        size += got


def _write_all(file: FileIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) or 0 :]


class ArtifactFile:
    """A file that grows from its start; `size` is what it has, in bytes."""

    def __init__(self, new: NewFile, goal: str, count: Callable[[int], None]) -> None:
        """`goal` is the path in messages; `count` hears of each change of the size."""
        self._new, self._file, self._goal, self._count = new, new.file, goal, count
        self._digest = BackgroundDigest()
        self._position_lock, self._ahead_bytes = threading.Lock(), 0
        self._is_put = False
        self.size = 0

    @property
    def sha256(self) -> str:
        """The SHA-256 of what it has, in hexadecimal digits."""
        return self._digest.hexdigest()

    def take_in_kept(self) -> None:
        """Count what an earlier run has left as if it had come now. Raises OSError."""
        self.size = add_rest(self._file, self._digest)
        self._count(self.size)

    def write(self, data: bytes) -> None:
        """Append. Raises AgentError."""
        self._digest.update(data)
        try:
            _write_all(self._file, data)
        except OSError as problem:
            raise unwritable(self._goal, problem) from problem
        self.size += len(data)
        self._count(len(data))

    def write_at(self, offset: int, data: bytes) -> None:
        """Write ahead of the end, from any thread; `take_in` and `cut` decide what becomes of it. Raises AgentError."""
        with self._position_lock:
            try:
                self._file.seek(offset)
                _write_all(self._file, data)
            except OSError as problem:
                raise unwritable(self._goal, problem) from problem
            self._ahead_bytes += len(data)
        self._count(len(data))

    def forget_ahead(self, bytes_count: int) -> None:
        """Note that so many bytes were written ahead in vain."""
        with self._position_lock:
            self._ahead_bytes -= bytes_count
        self._count(-bytes_count)

    def take_in(self, bytes_count: int) -> None:
        """Append what was written ahead at the end. Raises AgentError."""
        left = bytes_count
        while left:
            with self._position_lock:
                try:
                    self._file.seek(self.size)
                    block = self._file.read(min(left, _BLOCK_BYTES))
                except OSError as problem:
                    raise unwritable(self._goal, problem) from problem
                self._ahead_bytes -= len(block)
            if not block:
                raise AgentError(f"cannot read {one_line(self._goal)}: it has become shorter")
            self._digest.update(block)
            self.size += len(block)
            left -= len(block)

    def cut(self) -> None:
        """Drop what was written ahead. Raises AgentError."""
        try:
            self._file.truncate(self.size)
            self._file.seek(self.size)
        except OSError as problem:
            raise unwritable(self._goal, problem) from problem
        self._count(-self._ahead_bytes)
        self._ahead_bytes = 0

    def restart(self) -> None:
        """Forget what has come. Raises AgentError."""
        try:
            self._file.seek(0)
            self._file.truncate()
        except OSError as problem:
            raise unwritable(self._goal, problem) from problem
        self._digest.close()
        self._digest = BackgroundDigest()
        self._count(-self.size)
        self.size = 0

    def keep(self) -> None:
        """Leave what has come for the next run."""
        self._new.keep()

    def close(self) -> None:
        """Let go of what only its growth needs; bytes that are not put have been counted in vain."""
        self._digest.close()
        if not self._is_put:
            self._count(-self.size - self._ahead_bytes)

    def put(self) -> None:
        """Give it the artifact's name. Raises OSError."""
        self._new.put()
        self._is_put = True
