"""Appends to a log whose disk may be full: waits a while, then gives up the middle and says so, never more.

What has been written stays: the head. When there is no room for longer than a job may be held up, what it prints is
counted and dropped but for the last of it, the tail. As soon as there is room, a marker that says how much is missing
and the tail are written, and all goes on as before. A file put aside at the start makes room for them at the end.
"""

from __future__ import annotations

import os
import time
from typing import Callable

from bkagent.system.durable import free_bytes, is_full, reserve

HELD_UP_S = 30.0  # of a job, all its waits together
TAIL_BYTES = 64 * 1024
RESERVE_BYTES = 256 * 1024  # for the marker, the tail and the result
_PAUSE_S = 0.25
_LOOK_EVERY_S = 0.5
_ROOM_BYTES = 1024 * 1024  # less of it would be full again at once


class FullDiskWriter:
    """Not thread-safe. `fd` is open for appending; `reserve_path` names a file that this makes and removes."""

    def __init__(
        self,
        fd: int,
        reserve_path: str,
        held_up_s: float = HELD_UP_S,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._fd, self._reserve_path, self._left_s = fd, reserve_path, held_up_s
        self._held_up_s, self._clock, self._pause = held_up_s, clock, pause
        self._dropped_bytes = 0
        self._tail = b""
        self._look_at = 0.0
        reserve(reserve_path, RESERVE_BYTES)

    def append(self, output: bytes) -> None:
        """Write, wait for room, or note that the disk is full. Raises OSError for other troubles of the disk."""
        if self._is_in_gap():
            self._drop(output)
            if self._clock() >= self._look_at:
                self._look_at = self._clock() + _LOOK_EVERY_S
                if free_bytes(self._reserve_path) > _ROOM_BYTES + len(self._tail):
                    self._end_gap()
            return
        while output:
            try:
                output = output[os.write(self._fd, output) :]
            except OSError as problem:
                if not is_full(problem):
                    raise
                if self._left_s <= 0:
                    self._drop(output)
                    return
                self._left_s -= _PAUSE_S
                self._pause(_PAUSE_S)

    def finish(self) -> None:
        """Nothing more comes: make use of what was put aside, and write the marker and the tail, if they are due."""
        try:
            os.unlink(self._reserve_path)
        except OSError:
            pass
        if self._is_in_gap():
            self._left_s = 0.0
            self._end_gap()

    def _is_in_gap(self) -> bool:
        return self._dropped_bytes > 0

    def _drop(self, output: bytes) -> None:
        self._dropped_bytes += len(output)
        self._tail = (self._tail + output[-TAIL_BYTES:])[-TAIL_BYTES:]

    def _end_gap(self) -> None:
        """Write the marker and the tail. Where not even the marker finds room, a later one counts it all."""
        missing, tail = self._dropped_bytes - len(self._tail), self._tail
        marker = self._marker(missing) if missing else b""
        try:
            written = os.write(self._fd, marker + tail)
        except OSError as problem:
            if not is_full(problem):
                raise
            return
        if written >= len(marker):
            self._dropped_bytes, self._tail = 0, b""
            self.append(tail[written - len(marker) :])

    def _marker(self, missing: int) -> bytes:
        return (
            f"\r\n[bkagent: {missing:,} bytes of this log are missing here: its disk was full for longer than the "
            f"{self._held_up_s:.0f} s that a job waits for space]\r\n"
        ).encode()
