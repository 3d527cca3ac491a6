"""Lines to children by pairs of sockets; the promise is in child_line.py."""

import os
import select
import socket
import sys
import threading

assert sys.platform != "win32"

_STANDARD_INPUT = 0
_BLOCK_BYTES = 65536


class ParentEnd:
    """One of a pair of sockets."""

    def __init__(self) -> None:
        self._socket, self._childs = socket.socketpair()
        self.child_in = self.child_out = self._childs.fileno()

    def close_childs(self) -> None:
        """Close the other one."""
        self._childs.close()

    def receive(self) -> bytes:
        """Return what has come, b"" at the end. Raises OSError."""
        return self._socket.recv(_BLOCK_BYTES)

    def hang_up(self) -> None:
        """End the line both ways."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the child has ended by itself

    def close(self) -> None:
        """Close it."""
        self._socket.close()


class ChildEnd:
    """The other one, as standard input."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        os.set_blocking(_STANDARD_INPUT, False)

    def send(self, text: bytes) -> None:
        """Write it, if there is room."""
        with self._lock:
            try:
                os.write(_STANDARD_INPUT, text)
            except OSError:
                pass

    def wait(self) -> None:
        """Return at the end."""
        while True:
            select.select([_STANDARD_INPUT], [], [])
            try:
                if not os.read(_STANDARD_INPUT, 1024):
                    return
            except BlockingIOError:
                continue
            except OSError:
                return
