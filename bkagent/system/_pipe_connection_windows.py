"""One end of a connected named pipe, used like a connected socket; for _local_socket_windows.py.

Everything is overlapped I/O: what waits can be given a limit, and can be ended by another thread.
"""

import _socket
import _winapi
import errno
import sys
import time

assert sys.platform == "win32"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

_BLOCK_BYTES = 64 * 1024
_BOTH_WAYS = 2  # SHUT_RDWR
_LONGEST_MS = 0x7FFFFFFF
_ABORTED = 995  # ERROR_OPERATION_ABORTED
# The other end has closed: ERROR_BROKEN_PIPE, ERROR_NO_DATA, ERROR_PIPE_NOT_CONNECTED.
_GONE = (109, 232, 233)


class PipeConnection:
    """A connection by its handle, which it owns. One thread uses it; `shutdown` may be called on another."""

    __slots__ = ("_handle", "_timeout_s", "_pending", "_is_ended")

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._timeout_s: "Optional[float]" = None
        self._pending: "Optional[_winapi.Overlapped]" = None
        self._is_ended = False

    def fileno(self) -> int:
        """Return -1: a pipe has no descriptor, and nothing but its own methods can wait for it."""
        return -1

    def settimeout(self, timeout_s: "Optional[float]") -> None:
        """Limit each call from now on: 0 never waits, None waits for ever."""
        self._timeout_s = timeout_s

    def recv(self, most_bytes: int, flags: int = 0) -> bytes:
        """Return what has come, b"" once the other end has closed. `flags` is MSG_PEEK or 0. Raises OSError.

        Raises `_socket.timeout`, or BlockingIOError where it must not wait.
        """
        deadline = self._deadline()
        try:
            while not self._is_ended:
                if flags or self._timeout_s == 0:
                    peeked = _winapi.PeekNamedPipe(self._handle, 1)[0]
                    if not peeked:
                        raise BlockingIOError(errno.EAGAIN, "nothing has come yet")
                    if flags:
                        return bytes(peeked)
                reading, _ = _winapi.ReadFile(self._handle, min(most_bytes, _BLOCK_BYTES), overlapped=True)
                if self._finish(reading, deadline):
                    return bytes(reading.getbuffer() or b"")
                # Whoever writes nothing, with a length of zero, has not closed.
        except OSError as problem:
            if problem.winerror not in _GONE:
                raise
        return b""

    def sendall(self, data: bytes) -> None:
        """Write all of it. Raises OSError: BrokenPipeError once the other end has closed, `_socket.timeout`."""
        deadline = self._deadline()
        rest = memoryview(data)
        try:
            while rest:
                if self._is_ended:
                    raise BrokenPipeError(errno.EPIPE, "the connection was ended")
                writing, _ = _winapi.WriteFile(self._handle, rest[:_BLOCK_BYTES], overlapped=True)
                rest = rest[self._finish(writing, deadline) :]
        except OSError as problem:
            if problem.winerror in _GONE:
                raise BrokenPipeError(errno.EPIPE, "the other end of the pipe has closed") from None
            raise

    def shutdown(self, how: int) -> None:
        """End what another thread waits for, with SHUT_RDWR. A pipe has no single direction that could be closed."""
        if how == _BOTH_WAYS:
            self._is_ended = True
            pending = self._pending
            if pending is not None:
                pending.cancel()

    def close(self) -> None:
        """Close this end. The other one can still read what was written before."""
        handle, self._handle = self._handle, 0
        if handle:
            _winapi.CloseHandle(handle)

    def _deadline(self) -> "Optional[float]":
        return None if self._timeout_s is None else time.monotonic() + self._timeout_s

    def _finish(self, overlapped: "_winapi.Overlapped", deadline: "Optional[float]") -> int:
        """Wait for what was begun; return how many bytes it has moved, 0 where the connection was ended."""
        self._pending = overlapped
        try:
            # `shutdown` sets its mark before it looks for what is pending: one of the two sees the other.
            if self._is_ended or _winapi.WaitForSingleObject(overlapped.event, wait_ms(deadline)):
                overlapped.cancel()
            moved_bytes, code = overlapped.GetOverlappedResult(True)
        finally:
            self._pending = None
        if code == _ABORTED and not self._is_ended:
            raise _socket.timeout("timed out")
        return moved_bytes


def wait_ms(deadline: "Optional[float]") -> int:
    """Return how long to wait until a moment of `time.monotonic`, in milliseconds, as Windows takes it."""
    if deadline is None:
        return _winapi.INFINITE
    return max(0, min(int((deadline - time.monotonic()) * 1000) + 1, _LONGEST_MS))
