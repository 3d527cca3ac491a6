"""Carry what a process prints, on Windows: a thread for each stream, since its pipes cannot be waited for together.

The promise is in `process_start`.
"""

import ctypes
import os
import sys
import threading
import time
from ctypes import wintypes

from bkagent.system._process_end import Ended

assert sys.platform == "win32"

from bkagent.system._process_start_windows import Child  # noqa: E402

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Optional, Sequence, Tuple

    Sink = Callable[[bytes], None]

_GATHERED_BYTES = 65536
_THREAD_TERMINATE = 0x1  # what CancelSynchronousIo asks for
_CANCEL_EVERY_S = 0.01

_kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
_kernel32.OpenThread.argtypes = (wintypes.DWORD, wintypes.BOOL, wintypes.DWORD)
_kernel32.OpenThread.restype = wintypes.HANDLE
_kernel32.CancelSynchronousIo.argtypes = (wintypes.HANDLE,)
_kernel32.CloseHandle.argtypes = (wintypes.HANDLE,)


def pump(child: Child, streams: "Sequence[Tuple[int, Sink]]", quiet_s: float, limit_s: float) -> Ended:
    """See `process_start`. What a sink raises ends the process and is raised here."""
    carriers = [_Carrier(child, fd, sink) for fd, sink in streams]
    for carrier in carriers:
        carrier.start()
    ended = child.wait()
    deadline = time.monotonic() + limit_s
    for carrier in carriers:
        carrier.finish(quiet_s, deadline)
    for carrier in carriers:
        if carrier.problem is not None:
            raise carrier.problem
    return ended


class _Carrier(threading.Thread):
    """Carries one stream to its sink."""

    def __init__(self, child: Child, fd: int, sink: "Sink") -> None:
        super().__init__(name="output", daemon=True)
        self._child, self._fd, self._sink = child, fd, sink
        self._moved = threading.Event()
        self._is_in_sink = self._is_over = self._has_ended = False
        self._sinking = threading.Lock()
        self.problem: "Optional[BaseException]" = None

    def run(self) -> None:
        try:
            while not self._is_over and self._carry_once():
                pass
        except BaseException as problem:
            self.problem = problem
            self._child.kill_group()
        finally:
            self._is_in_sink, self._has_ended = False, True
            self._moved.set()

    def _carry_once(self) -> bool:
        """Carry what comes next; return whether more may come."""
        try:
            output = os.read(self._fd, _GATHERED_BYTES)
        except OSError:  # the other end is closed, or `_abandon` has taken us out
            return False
        with self._sinking:
            self._is_in_sink = True
            self._moved.set()
            if output:
                self._sink(output)
            self._is_in_sink = False
        return bool(output)

    def finish(self, quiet_s: float, deadline: float) -> None:
        """Return when all is carried, or nothing has come for `quiet_s`, or the deadline has passed."""
        while not self._has_ended and time.monotonic() < deadline:
            if not self._moved.wait(quiet_s) and not self._is_in_sink:
                break
            self._moved.clear()
        self._abandon()

    def _abandon(self) -> None:
        """Take the thread out of its read: a file that is being read cannot be closed.

        Never out of its sink, where what it reads and writes is ours: the log, say.
        """
        self._is_over = True
        handle = _kernel32.OpenThread(_THREAD_TERMINATE, False, self.native_id or 0)
        while self.is_alive():
            with self._sinking:
                if handle:
                    _kernel32.CancelSynchronousIo(handle)
            self.join(_CANCEL_EVERY_S)
        if handle:
            _kernel32.CloseHandle(handle)
