"""Lines to children by two pipes; the promise is in child_line.py. A socket cannot be a child's standard input here."""

import os
import queue
import sys
import threading

assert sys.platform == "win32"

_STANDARD_INPUT, _STANDARD_ERROR = 0, 2
_BLOCK_BYTES = 65536
_TAKEN_WITHIN_S = 0.25  # a pipe has room for some lines, so only a parent that is stopped lets this pass


class ParentEnd:
    """The end of one pipe that is written to, which says nothing until it ends, and that of another to read from."""

    def __init__(self) -> None:
        self.child_in, self._writing = os.pipe()
        self._lock = threading.Lock()
        try:
            self._reading, self.child_out = os.pipe()
        except OSError:
            self.close_childs()
            self.hang_up()
            raise

    def close_childs(self) -> None:
        """Close the child's two."""
        for fd in (self.child_in, getattr(self, "child_out", -1)):
            if fd >= 0:
                os.close(fd)
        self.child_in = self.child_out = -1

    def receive(self) -> bytes:
        """Return what has come, b"" at the end. Raises OSError."""
        return os.read(self._reading, _BLOCK_BYTES)

    def hang_up(self) -> None:
        """End what the child reads."""
        with self._lock:
            fd, self._writing = self._writing, -1
        if fd >= 0:
            os.close(fd)

    def close(self) -> None:
        """Close both."""
        self.hang_up()
        os.close(self._reading)


class ChildEnd:
    """Standard input and standard error. A thread writes, since no write to a pipe can be given a limit here."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next: "queue.SimpleQueue[bytes]" = queue.SimpleQueue()
        self._is_idle = threading.Event()
        self._is_idle.set()
        threading.Thread(target=self._write_all, name="child-line", daemon=True).start()

    def send(self, text: bytes) -> None:
        """Have it written, unless what came before is not yet."""
        with self._lock:
            if not self._is_idle.is_set():
                return
            self._is_idle.clear()
            self._next.put(text)
            self._is_idle.wait(_TAKEN_WITHIN_S)

    def wait(self) -> None:
        """Return at the end."""
        try:
            while os.read(_STANDARD_INPUT, 1024):
                pass
        except OSError:
            pass

    def _write_all(self) -> None:
        while True:
            text = self._next.get()
            try:
                while text:
                    text = text[os.write(_STANDARD_ERROR, text) :]
            except OSError:
                pass
            self._is_idle.set()
