"""A file of small records, each of which vouches for all before it: `CHAIN JSON`, a line each.

CHAIN is the beginning of the SHA-256 of the CHAIN before and of this line's JSON. A record that was changed, left out
or cut off is noticed so. What a killed process has written stays, since the system keeps it; after a loss of power the
file may end in a torn record, and is then not believed either.
"""

from __future__ import annotations

import hashlib
import os

from bkagent.system import file_lock, plain_file
from bkagent.wire import json_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Tuple

    Record = Dict[str, Any]

LARGEST_BYTES = 64 * 1024 * 1024
_CHAIN_LETTERS = 16


class Damaged(Exception):
    """A file of records is not as it was written; the text says how."""


class RecordFile:
    """One file, held by one process at a time."""

    def __init__(self, path: str) -> None:
        """Open or make the file. Raises OSError; BlockingIOError if another process holds it."""
        self._path = path
        self._fd = plain_file.open_plain(path, os.O_RDWR | os.O_CREAT)
        self._chain = ""
        try:
            # Another one may have removed it between our opening and our locking.
            if not file_lock.lock_soon(self._fd) or os.fstat(self._fd).st_nlink == 0:
                raise BlockingIOError(f"{path} is in use")
        except OSError:
            os.close(self._fd)
            raise

    def read(self) -> List[Record]:
        """Return all records. Raises Damaged, OSError."""
        size = os.fstat(self._fd).st_size
        if size > LARGEST_BYTES:
            raise Damaged(f"it has more than {LARGEST_BYTES} bytes")
        os.lseek(self._fd, 0, os.SEEK_SET)
        pieces = []
        while True:
            piece = os.read(self._fd, 1 << 20)
            if not piece:
                break
            pieces.append(piece)
        *lines, rest = b"".join(pieces).split(b"\n")
        if rest:
            raise Damaged("its last record is cut off")
        records = []
        for number, line in enumerate(lines, 1):
            record, self._chain = _read(line, self._chain, number)
            records.append(record)
        return records

    def append(self, records: List[Record]) -> None:
        """Add records. Raises OSError, and leaves the file as it was then."""
        chain, lines = self._chain, []
        for record in records:
            text = json_text.dumps(record).encode("ascii", "backslashreplace")
            chain = _chained(chain, text)
            lines.append(f"{chain} ".encode("ascii") + text + b"\n")
        data, before = b"".join(lines), os.lseek(self._fd, 0, os.SEEK_END)
        try:
            if os.write(self._fd, data) != len(data):
                raise OSError("the disk is full")
        except OSError:
            os.ftruncate(self._fd, before)
            raise
        self._chain = chain

    def clear(self) -> None:
        """Take all records out. Raises OSError."""
        os.ftruncate(self._fd, 0)
        self._chain = ""

    def close(self, remove: bool) -> None:
        """Let go of the file, and remove it if that is asked for."""
        if remove:
            try:
                os.unlink(self._path)
            except OSError:  # Windows removes no open file
                self._clear_quietly()
        os.close(self._fd)

    def _clear_quietly(self) -> None:
        try:
            self.clear()
        except OSError:
            pass


def _chained(chain: str, text: bytes) -> str:
    return hashlib.sha256(chain.encode("ascii") + text).hexdigest()[:_CHAIN_LETTERS]


def _read(line: bytes, chain: str, number: int) -> Tuple[Record, str]:
    found, _, text = line.partition(b" ")
    expected = _chained(chain, text)
    record: Optional[object] = None
    if found == expected.encode("ascii"):
        try:
            record = json_text.loads(text.decode("ascii"))
        except ValueError:
            pass
    if not isinstance(record, dict):
        raise Damaged(f"its record {number} is not what was written")
    return record, expected
