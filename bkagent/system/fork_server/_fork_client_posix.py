"""The side that asks for forks; the promises are in `fork_server`."""

import _socket
import array
import os
import select
import sys
import threading

from bkagent.system import _process_start_posix as processes
from bkagent.system._process_end import Ended
from bkagent.system.fork_server import _fork_lines_posix as lines
from bkagent.system.fork_server._fork_request import NotWarm

assert sys.platform != "win32"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping, Optional, Sequence

AVAILABLE = True
_ANSWER_WITHIN_S = 10.0  # a fork takes a millisecond; this is for a machine that swaps


class Forked:
    """A process that the warm one has forked. Thread-safe."""

    def __init__(self, pid: int, line: "_socket.socket") -> None:
        self.pid = pid
        self._line = line
        self._lock = threading.Lock()
        self._ended: "Optional[Ended]" = None

    def poll(self) -> "Optional[Ended]":
        """Say how the process ended, None while it runs. Never waits."""
        return self._ended if self._ended is not None or not self._can_tell(0) else self._read_end()

    def wait(self) -> Ended:
        """Wait until the process has ended; say how, or "well" where the warm process was gone before it."""
        self._can_tell(None)
        return self._read_end()

    def _can_tell(self, timeout_ms: "Optional[int]") -> bool:
        poller = select.poll()
        poller.register(self._line.fileno(), select.POLLIN)
        return bool(poller.poll(timeout_ms))

    def _read_end(self) -> Ended:
        with self._lock:
            if self._ended is None:
                try:
                    status = lines.read_number(self._line)
                except OSError:
                    status = None
                self._ended = processes.ended_as(status or 0)
            return self._ended


class ForkServer:
    """A warm process, and the line to it. Thread-safe."""

    def __init__(self, argv: "Sequence[str]", env: "Mapping[str, str]") -> None:
        self._argv, self._env = argv, env
        self._lock = threading.Lock()
        self._ready = self.has_served = False
        self._line, server_line = _socket.socketpair()
        try:
            null_fd = os.open(os.devnull, os.O_RDWR)
            try:
                self._process = self._start(server_line.fileno(), null_fd)
            finally:
                os.close(null_fd)
        except BaseException:
            self._line.close()
            raise
        finally:
            server_line.close()

    def _start(self, line_fd: int, null_fd: int) -> processes.Child:
        return processes.start_in_session(self._argv, self._env, os.sep, line_fd, null_fd, null_fd)

    def is_ready(self, within_s: float = 0.0) -> bool:
        """Say whether the warm process serves now, or comes to it in so many seconds."""
        with self._lock:
            try:
                self._line.settimeout(0.0 if self._ready else within_s)
                self._ready = self._line.recv(1) == lines.READY  # once; nothing more comes but the line's end
                self.has_served = self.has_served or self._ready
            except (BlockingIOError, _socket.timeout):
                pass
            except OSError:
                self._ready = False
            return self._ready

    def start(
        self, words: "Sequence[str]", env: "Mapping[str, str]", cwd: str, stdin: int, stdout: int, stderr: int
    ) -> Forked:
        """Have a process forked; return it when it has its session, its folder and its files."""
        request = lines.pack(
            [processes.to_bytes(word, "an argument") for word in words],
            processes.variables_of(env),
            processes.to_bytes(cwd, "the working directory"),
        )
        line = self._hand_over(stdin, stdout, stderr)
        try:
            line.settimeout(_ANSWER_WITHIN_S)
            line.sendall(request)
            problem = lines.read_number(line)
            pid = lines.read_number(line)
            line.settimeout(None)
        except OSError as trouble:
            line.close()  # a process that comes too late cannot report its start, and does not start
            raise NotWarm(str(trouble)) from trouble
        if problem is None or pid is None:
            line.close()
            raise NotWarm("the process did not answer")
        if problem:
            line.close()
            raise OSError(problem, os.strerror(problem), cwd)
        return Forked(pid, line)

    def wait(self) -> Ended:
        """Wait until the warm process has ended."""
        ended = self._process.wait()
        self.is_ready()
        return ended

    def close(self) -> None:
        """Hang up; the warm process ends then. `start` raises NotWarm from now on."""
        with self._lock:
            self._line.close()

    def _hand_over(self, *files: int) -> "_socket.socket":
        """Give the warm process a new line and the files; return our end of the line."""
        our_line, process_line = _socket.socketpair()
        try:
            rights = array.array("i", (process_line.fileno(), *files))
            with self._lock:
                self._line.settimeout(_ANSWER_WITHIN_S)
                self._line.sendmsg([lines.FORK], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)])
        except OSError as trouble:
            our_line.close()
            raise NotWarm(str(trouble)) from trouble
        finally:
            process_line.close()
        return our_line
