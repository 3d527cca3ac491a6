"""How far a transfer has come: counted here by the threads that send or receive, shown by whoever called.

No thread belongs to it, so that a transfer of one small file costs nothing: a view is asked to show something when
bytes have moved and its pause is over.
"""

from __future__ import annotations

import threading
import time
from collections import deque

from bkagent.named_tuple import NamedTuple
from bkagent.wire.human_size import format_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Deque, Optional, Protocol, Tuple

    from bkagent.report import Report

    class ProgressView(Protocol):
        """What shows the progress of a transfer; its methods are called by one thread at a time.

        pause_s  between two calls of `show`, and before the first
        """

        pause_s: float

        def show(self, progress: Progress) -> None:
            """Show how far the transfer has come."""

        def end(self) -> None:
            """Show nothing more."""


LINES_PAUSE_S = 5.0
_RATE_OVER_S = 15.0  # long enough to be calm, short enough to notice a line that has become slow
_SILENCE_S = 5.0  # a longer one is a pause before another try, which says nothing of how fast the rest will be
_RATE_FROM_S = 1.0  # the first small files say nothing of how fast large ones will be
_LONGEST_LEFT_S = 100 * 3600  # a longer time is no estimate that helps anybody


class Progress(NamedTuple):
    """How far a transfer has come. `rate` is in bytes per second, 0.0 where it is not known yet."""

    bytes_done: int
    bytes_total: int
    files_done: int
    files_total: int
    rate: float

    @property
    def fraction(self) -> float:
        """The share that is done, 0.0 to 1.0; of the files where there are no bytes."""
        if self.bytes_total:
            return min(1.0, self.bytes_done / self.bytes_total)
        return self.files_done / self.files_total if self.files_total else 0.0

    @property
    def percent(self) -> int:
        """The share that is done, rounded down: 100 only when nothing is left."""
        done, total = (self.bytes_done, self.bytes_total) if self.bytes_total else (self.files_done, self.files_total)
        return min(100, 100 * done // total) if total else 0

    @property
    def left_text(self) -> str:
        """The time left as "1:23" or "1:02:03"; "" where it is not known, or longer than some days."""
        if self.rate < 1 or self.bytes_done >= self.bytes_total:
            return ""
        left_s = int((self.bytes_total - self.bytes_done) / self.rate + 1)
        if left_s >= _LONGEST_LEFT_S:
            return ""
        hours, minutes, seconds = left_s // 3600, left_s // 60 % 60, left_s % 60
        return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"

    def __str__(self) -> str:
        pieces = [f"{format_size(self.bytes_done)} of {format_size(self.bytes_total)} ({self.percent}%)"]
        if self.files_total > 1:
            pieces.append(f"{self.files_done} of {self.files_total} files")
        if self.rate >= 1:
            pieces.append(f"{format_size(int(self.rate))}/s")
        if self.left_text:
            pieces.append(f"{self.left_text} left")
        return ", ".join(pieces)


class TransferProgress:
    """Counts bytes and files, from any thread."""

    def __init__(self, view: ProgressView, now: Callable[[], float] = time.monotonic) -> None:
        self._view, self._now, self._lock = view, now, threading.Lock()
        self._bytes_done = self._bytes_total = self._files_done = self._files_total = 0
        self._next_at = now() + view.pause_s
        self._measure_bytes: Optional[Callable[[], int]] = None
        self._samples: Deque[Tuple[float, int]] = deque([(now(), 0)])
        self._moved_at = now()

    def expect(self, files_count: int, measure_bytes: Callable[[], int]) -> None:
        """Say what there is to do. The bytes are measured when they are first shown: most transfers are short."""
        with self._lock:
            self._files_total, self._measure_bytes = files_count, measure_bytes

    def add(self, bytes_count: int) -> None:
        """Note bytes that have moved, a negative number where an earlier try of them has been for nothing."""
        with self._lock:
            self._bytes_done += bytes_count
            now = self._now()
            if bytes_count > 0:
                if now - self._moved_at > _SILENCE_S:
                    self._samples = deque([(now, self._bytes_done)])
                self._moved_at = now
            if bytes_count and now >= self._next_at:
                self._next_at = now + self._view.pause_s
                self._view.show(self._progress(now))

    def of_try(self, size: int) -> TryProgress:
        """Return what counts one try to send `size` bytes."""
        return TryProgress(self, size)

    def end_file(self) -> None:
        """Note that a file is done with, whether it has arrived or not."""
        self.end_files(1)

    def end_files(self, files_count: int) -> None:
        """Note that so many files more are done with."""
        with self._lock:
            self._files_done += files_count

    def begin_again(self, bytes_count: int) -> None:
        """Note that a file is not done with after all, of which so many bytes have moved for nothing."""
        self.end_files(-1)
        self.add(-bytes_count)

    def end(self) -> None:
        """Have nothing more shown."""
        with self._lock:
            self._next_at = float("inf")
            self._view.end()

    def _progress(self, now: float) -> Progress:
        while len(self._samples) > 1 and now - self._samples[1][0] >= _RATE_OVER_S:
            self._samples.popleft()
        if self._measure_bytes is not None:
            self._bytes_total, self._measure_bytes = self._measure_bytes(), None
        began, bytes_then = self._samples[0]
        self._samples.append((now, self._bytes_done))
        is_known = now - began >= _RATE_FROM_S
        rate = max(0, self._bytes_done - bytes_then) / (now - began) if is_known else 0.0
        return Progress(self._bytes_done, self._bytes_total, self._files_done, self._files_total, rate)


class TryProgress:
    """Counts what one try has sent, but for the last byte: that counts when the other side has taken the whole."""

    def __init__(self, progress: TransferProgress, size: int) -> None:
        self._progress, self._size, self._counted = progress, size, 0

    def add(self, bytes_count: int) -> None:
        """Note bytes that were sent; a redirect has them sent again."""
        counted = max(0, min(bytes_count, self._size - 1 - self._counted))
        self._counted += counted
        self._progress.add(counted)

    def end(self) -> None:
        """Note that all have been taken."""
        self._progress.add(self._size - self._counted)

    def take_back(self) -> None:
        """Note that the try was in vain."""
        self._progress.add(-self._counted)


class ProgressLines:
    """Reports a line every few seconds; nothing of a transfer that is shorter."""

    pause_s = LINES_PAUSE_S

    def __init__(self, report: Report, verb: str) -> None:
        """`verb` begins each line: "Uploaded", "Downloaded"."""
        self._report, self._verb = report, verb

    def show(self, progress: Progress) -> None:
        """Report a line."""
        self._report("info", f"{self._verb} {progress}")

    def end(self) -> None:
        """Do nothing: the last line stays true."""
