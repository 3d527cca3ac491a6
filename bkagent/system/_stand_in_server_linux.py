"""The warm process that stands in for others, and the moment of the fork; the promises are in `stand_in`."""

import _socket
import array
import gc
import os
import select
import signal
import sys
import time

from bkagent.system import _process_start_posix as processes
from bkagent.system import _stand_in_caller_linux as callers
from bkagent.system._stand_in_duty import Duty

assert sys.platform == "linux"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Optional, Sequence

_MOST_CALLERS = 128  # at a time; further ones run their commands themselves
_FILES = 3
_GRACE_S = 1.0  # from the interrupt to the kill, when a caller has died
_PIPE_BUF = 4096  # a write of this size is not torn apart


def serve(listener: int, line: int, argv: "Sequence[str]", idle_s: float) -> "Optional[Duty]":
    """Serve until the line hangs up; children are told from the parent by what this returns."""
    server = _Server(listener, line, [os.fsencode(word) for word in argv])
    _keep_pages_shared()
    return server.run(idle_s)


def _keep_pages_shared() -> None:
    # What is loaded by now is not looked at again, so that forks write to none of its pages.
    gc.collect()
    gc.freeze()


class _Running:
    """A fork at work, and the line to its caller."""

    __slots__ = ("pid", "line", "kill_at")

    def __init__(self, pid: int, line: "_socket.socket") -> None:
        self.pid, self.line = pid, line
        self.kill_at: "Optional[float]" = None  # by time.monotonic(), once the caller has died


class _Server:
    """Looks at callers, forks, and takes note of the ends of both, on one thread."""

    def __init__(self, listener: int, line: int, argv: "List[bytes]") -> None:
        self._listener = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, listener)
        self._listener.setblocking(False)
        self._line, self._argv = line, argv
        self._own = callers.Place("self")
        self._waiting: "Dict[int, _socket.socket]" = {}  # connections that have said nothing yet, by descriptor
        self._running: "Dict[int, _Running]" = {}  # by descriptor of the line
        self._bell, self._ringer = os.pipe()  # a child's end makes itself known by a byte
        self._lessons, self._teacher = os.pipe()  # names of modules that a fork had to load
        for fd in (self._bell, self._ringer, self._lessons):
            os.set_blocking(fd, False)
        self._heard = b""
        self._poller = select.poll()
        for fd in (listener, line, self._bell, self._lessons):
            self._poller.register(fd, select.POLLIN)
        signal.set_wakeup_fd(self._ringer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)

    def run(self, idle_s: float) -> "Optional[Duty]":
        while True:
            events = self._poller.poll(self._patience_s(idle_s) * 1000)
            if not events and not self._running and not self._waiting:
                return None
            for fd, _ in events:
                if fd == self._line:
                    return None
                duty = self._see_to(fd)
                if duty is not None:
                    return duty
            self._kill_the_late()

    def _see_to(self, fd: int) -> "Optional[Duty]":
        """Do what one descriptor asks for; in a fork, return its duty."""
        if fd == self._bell:
            os.read(fd, 4096)
            self._reap()
        elif fd == self._lessons:
            self._learn()
        elif fd in self._running:
            self._interrupt(self._running[fd])
        elif fd in self._waiting:
            return self._answer(self._waiting.pop(fd))
        else:
            self._accept()
        return None

    def _accept(self) -> None:
        try:
            connection, _ = self._listener._accept()  # type: ignore[attr-defined]  # what `socket.accept` calls
        except OSError:
            return
        line = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, connection)
        if len(self._waiting) + len(self._running) >= _MOST_CALLERS:
            line.close()
            return
        line.setblocking(False)
        self._waiting[connection] = line
        self._poller.register(connection, select.POLLIN)

    def _answer(self, line: "_socket.socket") -> "Optional[Duty]":
        """Fork for a caller that has called; refuse by hanging up."""
        self._poller.unregister(line.fileno())
        files: "List[int]" = []
        try:
            data, ancillary, _, _ = line.recvmsg(1, _socket.CMSG_SPACE(4 * _FILES))
            files = _descriptors(ancillary)
            if data == b"c" and len(files) == _FILES:
                pid = int.from_bytes(line.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)[:4], sys.byteorder)
                caller = callers.Caller(pid, self._own, self._argv)
                return self._fork(caller, line, files)
        except (OSError, ValueError, callers.Unlike):
            pass
        finally:
            for file in files:
                os.close(file)
        line.close()
        return None

    def _fork(self, caller: callers.Caller, line: "_socket.socket", files: "List[int]") -> "Optional[Duty]":
        try:
            pid = os.fork()
        except OSError:
            caller.close()
            raise
        if not pid:
            return self._begin(caller, line, files)
        caller.close()
        self._running[line.fileno()] = _Running(pid, line)
        # Only its end is of interest: what the caller says goes to the fork.
        self._poller.register(line.fileno(), 0)
        return None

    def _begin(self, caller: callers.Caller, line: "_socket.socket", files: "List[int]") -> Duty:
        """Become the caller's stand-in. Does not return where that fails, or the caller does not wait any more."""
        try:
            os.setsid()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self._let_go()
            processes.place_files((files[0], files[1], files[2]))
            caller.become()
            line.setblocking(True)
            line.sendall(b"y")
            if line.recv(1) != b"g":
                os._exit(0)
        except (OSError, ValueError):
            os._exit(1)
        teacher, known = self._teacher, set(sys.modules)

        def tell(status: int) -> None:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # the caller ends by this, which is no reason to stop
            try:
                line.sendall(b"e" + bytes([status & 0xFF]))
            except OSError:
                pass  # the caller has died
            _teach(teacher, [name for name in sys.modules if name not in known])

        return Duty(caller.words(), caller.env(), tell)

    def _let_go(self) -> None:
        """Close what is the parent's alone."""
        self._listener.close()
        for fd in (self._line, self._bell, self._ringer, self._lessons):
            os.close(fd)
        for line in self._waiting.values():
            line.close()
        for running in self._running.values():
            running.line.close()

    def _interrupt(self, running: _Running) -> None:
        """The caller has died, or has what it waited for: then the fork has ended, too."""
        self._poller.unregister(running.line.fileno())
        running.kill_at = time.monotonic() + _GRACE_S
        _signal_group(running.pid, signal.SIGINT)

    def _kill_the_late(self) -> None:
        now = time.monotonic()
        for running in self._running.values():
            if running.kill_at is not None and now >= running.kill_at:
                _signal_group(running.pid, signal.SIGKILL)
                running.kill_at = None

    def _patience_s(self, idle_s: float) -> float:
        ends = [running.kill_at for running in self._running.values() if running.kill_at is not None]
        return max(0.0, min(ends) - time.monotonic()) + 0.001 if ends else idle_s

    def _reap(self) -> None:
        for fd, running in list(self._running.items()):
            pid, status = os.waitpid(running.pid, os.WNOHANG)
            if not pid:
                continue
            del self._running[fd]
            try:
                self._poller.unregister(fd)
            except KeyError:
                pass
            if os.WIFSIGNALED(status):
                try:
                    running.line.send(b"s" + bytes([os.WTERMSIG(status)]))
                except OSError:
                    pass  # nobody waits
            running.line.close()

    def _learn(self) -> None:
        """Load what a fork had to load, so that the next one has it."""
        self._heard += os.read(self._lessons, _PIPE_BUF)
        *names, self._heard = self._heard.split(b"\n")
        for name in names:
            try:
                __import__(name.decode("ascii"))
            except Exception:  # what does not load here is loaded, or missed, by who needs it
                pass
        if names:
            _keep_pages_shared()


def _teach(pipe: int, names: "List[str]") -> None:
    """Write names into the pipe, whole lines at a time."""
    piece = b""
    for name in names:
        line = name.encode("ascii", "replace") + b"\n"
        if len(piece) + len(line) > _PIPE_BUF:
            os.write(pipe, piece)
            piece = b""
        piece += line
    if piece:
        os.write(pipe, piece)


def _signal_group(pid: int, number: int) -> None:
    for send in (os.killpg, os.kill):
        try:
            send(pid, number)
            return
        except OSError:
            pass  # not in its session yet, or ended


def _descriptors(ancillary: "List[tuple[int, int, bytes]]") -> "List[int]":
    """Return the descriptors that came with a message; no exec hands them on."""
    found = array.array("i")
    for level, kind, data in ancillary:
        if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
            found.frombytes(data[: len(data) - len(data) % found.itemsize])
    for fd in found:
        os.set_inheritable(fd, False)
    return list(found)
