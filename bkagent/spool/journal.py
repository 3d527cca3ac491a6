"""The journal of a log's chunks: what was cut, and what of it the control plane has acknowledged.

    c SEQ OFFSET SIZE    written before the chunk is sent for the first time
    a SEQ                written after the answer

A chunk that is cut keeps its number and its bytes for ever: an agent that goes on after a crash sends the same again.
"""

import os
import threading
from typing import Dict, List

from bkagent.errors import WireError
from bkagent.named_tuple import NamedTuple
from bkagent.spool.synced_file import SyncedFile
from bkagent.system.durable import is_full
from bkagent.system.plain_file import open_plain, read_plain

_NEWLINE = b"\n"
_LONGEST_BYTES = 256 * 1024 * 1024  # some six million chunks
_LONGEST_LINE_BYTES = 80  # three numbers, of a log of any size


class Chunk(NamedTuple):
    """A piece of a log: `sequence` from 1, `offset` and `size` in bytes of the log."""

    sequence: int
    offset: int
    size: int


def acknowledged_bytes(path: str) -> int:
    """Return how much of a log has been taken, as its journal says. Raises OSError, and ValueError for damage."""
    sizes: Dict[bytes, int] = {}
    acknowledged = 0
    for line in read_plain(path, _LONGEST_BYTES).split(_NEWLINE)[:-1]:
        words = line.split() if len(line) <= _LONGEST_LINE_BYTES else []
        if len(words) == 4 and words[0] == b"c":
            sizes[words[1]] = int(words[3])
        elif len(words) == 2 and words[0] == b"a":
            acknowledged += sizes.pop(words[1], 0)
        else:
            raise ValueError("the journal is damaged")
    return acknowledged


class Journal:
    """Thread-safe. Opens the journal of an entry and reads what is there. Raises OSError, and WireError for damage."""

    def __init__(self, path: str) -> None:
        self._lock = threading.Lock()
        self._pending: Dict[int, Chunk] = {}
        self._next_sequence = 1
        self._next_offset = 0
        self._fd = open_plain(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        try:
            self._read(path)
        except (OSError, WireError):
            os.close(self._fd)
            raise
        self._synced = SyncedFile(self._fd)

    @property
    def next_offset(self) -> int:
        """The offset of the next chunk."""
        return self._next_offset

    def unacknowledged(self) -> List[Chunk]:
        """Return the chunks that were cut and not acknowledged, in order."""
        with self._lock:
            return sorted(self._pending.values(), key=lambda chunk: chunk.sequence)

    def cut(self, size: int) -> Chunk:
        """Write down the next chunk and return it. After an OSError, of a full disk say, nothing was cut."""
        with self._lock:
            chunk = Chunk(self._next_sequence, self._next_offset, size)
            self._write(f"c {chunk.sequence} {chunk.offset} {chunk.size}\n")
            self._cut(chunk)
            return chunk

    def acknowledge(self, sequence: int) -> None:
        """Write down that the control plane has a chunk. Raises OSError.

        A full disk is no error here: without this line a chunk is sent once more after a crash, which does no harm.
        Nor is an answer that comes after the journal was closed: the next agent sends the chunk once more.
        """
        with self._lock:
            if self._fd < 0:
                return
            self._pending.pop(sequence, None)
            try:
                self._write(f"a {sequence}\n")
            except OSError as problem:
                if not is_full(problem):
                    raise

    def sync(self) -> None:
        """Bring what was written to the disk. The log comes first, so that what is cut meanwhile is all that may lack.

        A disk may have a line of the journal before the bytes it names in any case; `uploader` sees to that.
        """
        self._synced.sync()

    def close(self) -> None:
        """Close the file. A later `cut` raises ValueError; `acknowledge` and `sync` do nothing then.

        A sync that is under way goes on and is not waited for.
        """
        with self._lock:
            if self._fd < 0:
                return
            os.close(self._fd)
            self._fd = -1
            self._synced.close()

    def _cut(self, chunk: Chunk) -> None:
        self._pending[chunk.sequence] = chunk
        self._next_sequence, self._next_offset = chunk.sequence + 1, chunk.offset + chunk.size

    def _write(self, line: str) -> None:
        if self._fd < 0:
            raise ValueError("the journal is closed")
        data = line.encode("ascii")
        size = os.fstat(self._fd).st_size
        try:
            written = os.write(self._fd, data)
            if written < len(data):
                written += os.write(self._fd, data[written:])  # raises what kept the first from writing all
        except OSError:
            os.ftruncate(self._fd, size)  # a piece of a line would spoil the next
            raise

    def _read(self, path: str) -> None:
        try:
            text = read_plain(path, _LONGEST_BYTES)
        except OSError as problem:
            raise WireError(f"{path} cannot be read: {problem.strerror}") from problem
        lines_bytes = text.rfind(_NEWLINE) + 1
        if lines_bytes < len(text):
            # A line that was being written when the machine stopped. Its chunk was not sent: that comes afterwards.
            os.ftruncate(self._fd, lines_bytes)
        for number, line in enumerate(text[:lines_bytes].split(_NEWLINE)[:-1], 1):
            try:
                if len(line) > _LONGEST_LINE_BYTES:
                    raise ValueError
                self._take(line)
            except (ValueError, IndexError, TypeError):
                raise WireError(f"{path}, line {number} is not a journal entry: {line[:60]!r}") from None

    def _take(self, line: bytes) -> None:
        kind, *numbers = line.split()
        if kind == b"a":
            self._pending.pop(int(numbers[0]), None)
            return
        chunk = Chunk(*map(int, numbers))
        if kind != b"c" or chunk.sequence != self._next_sequence or chunk.offset != self._next_offset or chunk.size < 1:
            raise ValueError
        self._cut(chunk)
