"""The log file of a service, which begins anew when it is full: service.log, then .1 (the last one before it) to .4."""

from __future__ import annotations

import io
import os
import threading
from typing import TextIO

FULL_BYTES = 10 * 1024 * 1024
EARLIER_COUNT = 4


def open_text(path: str, full_bytes: int = FULL_BYTES) -> TextIO:
    """Return a stream of text to append to the log at `path`. Raises OSError."""
    return io.TextIOWrapper(
        RotatedFile(path, full_bytes), encoding="utf-8", errors="backslashreplace", newline="\n", write_through=True
    )  # type: ignore[type-var]


def earlier(path: str, number: int) -> str:
    """Return the path of an earlier log, 1 for the latest of them."""
    return f"{path}.{number}"


class RotatedFile(io.RawIOBase):
    """Appends each write as a whole. Thread-safe."""

    def __init__(self, path: str, full_bytes: int) -> None:
        self._path, self._full_bytes = path, full_bytes
        self._lock = threading.Lock()
        self._open()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Append, to a new file where this one is full. Raises OSError."""
        text = bytes(data)
        with self._lock:
            if self._size and self._size + len(text) > self._full_bytes:
                self._rotate()
            self._size += len(text)
            return self._file.write(text) or 0

    def _open(self) -> None:
        self._file = io.FileIO(self._path, "a")
        self._size = self._file.seek(0, os.SEEK_END)

    def _rotate(self) -> None:
        self._file.close()
        try:
            for number in range(EARLIER_COUNT - 1, 0, -1):
                if os.path.exists(earlier(self._path, number)):
                    os.replace(earlier(self._path, number), earlier(self._path, number + 1))
            os.replace(self._path, earlier(self._path, 1))
        except OSError:
            pass  # another program has it open, which keeps Windows from renaming it: the next write tries again
        self._open()
