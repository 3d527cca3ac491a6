"""The warm process and the moment of the fork; the promises are in `fork_server`."""

import _socket
import array
import os
import select
import signal
import sys

from bkagent.system import _process_start_posix as processes
from bkagent.system.fork_server import _fork_lines_posix as lines
from bkagent.system.fork_server import _preload_posix as lessons

assert sys.platform != "win32"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Optional

    from bkagent.system.fork_server._fork_request import ForkRequest
    from bkagent.system.fork_server._preload_posix import ModuleReport

_own_line: "Optional[_socket.socket]" = None  # of a forked process: open for as long as the process lives
_module_report: "Optional[ModuleReport]" = None  # of a forked process


def report_modules() -> None:
    """See `fork_server`."""
    if _module_report is not None:
        _module_report.report()


def serve() -> "Optional[ForkRequest]":
    """Serve the line that is standard input. Children are told from the parent by what this returns."""
    line = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, os.dup(0))
    null_fd = os.open(os.devnull, os.O_RDWR)
    os.dup2(null_fd, 0)
    os.close(null_fd)
    server = _ForkServer(line)
    lessons.keep_pages_shared()
    try:
        line.sendall(lines.READY)
    except ConnectionError:
        return None
    return server.run()


class _ForkServer:
    """Forks, and takes note of the ends of what it has forked, on one thread."""

    def __init__(self, line: "_socket.socket") -> None:
        self._line = line
        self._preloads = lessons.PreloadRequests()
        self._children: "Dict[int, _socket.socket]" = {}
        # A child's end makes itself known by a byte in this pipe.
        self._bell, self._ringer = os.pipe()
        for fd in (self._bell, self._ringer):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(self._ringer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, signal.SIG_DFL)

    def run(self) -> "Optional[ForkRequest]":
        poller = select.poll()
        poller.register(self._bell, select.POLLIN)
        poller.register(self._preloads.fd, select.POLLIN)
        poller.register(self._line.fileno(), select.POLLIN)
        while True:
            for fd, _ in poller.poll():
                if fd == self._bell:
                    os.read(fd, 4096)
                    self._reap()
                    continue
                if fd == self._preloads.fd:
                    self._preloads.preload()
                    continue
                try:
                    data, ancillary, _, _ = self._line.recvmsg(1, _socket.CMSG_SPACE(4 * lines.FILES))
                except ConnectionError:  # the agent ended before it had read that this process is ready
                    return None
                if not data:
                    return None
                files = _descriptors(ancillary)
                if len(files) == lines.FILES:
                    line = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, files.pop(0))
                    if self._fork(line, files):
                        return _begun(line, files)
                for file in files:
                    os.close(file)

    def _fork(self, line: "_socket.socket", files: "List[int]") -> bool:
        """Fork; say whether this is the new process."""
        try:
            pid = os.fork()
        except OSError as problem:
            _tell(line, lines.number(problem.errno or 1) + lines.number(0))
            line.close()
            return False
        if pid:
            self._children[pid] = line
            return False
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for other in (self._line, *self._children.values()):
            other.close()
        os.close(self._bell)
        os.close(self._ringer)
        global _module_report
        _module_report = self._preloads.leave_to()
        return True

    def _reap(self) -> None:
        while self._children:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            line = self._children.pop(pid, None)
            if line is not None:
                _tell(line, lines.number(status))
                line.close()


def _begun(line: "_socket.socket", files: "List[int]") -> "ForkRequest":
    """Become a process of its own; return what it shall do. Does not return where that fails or the caller is gone."""
    global _own_line
    problem = 127
    try:
        os.setsid()
        size = lines.read_number(line)
        data = None if size is None else lines.read(line, size)
        if data is None:
            os._exit(problem)
        cwd, request = lines.unpack(data)
        stdin, stdout, stderr = files
        processes.place_files((stdin, stdout, stderr))
        for file in files:
            os.close(file)
        os.chdir(cwd)
        line.sendall(lines.number(0) + lines.number(os.getpid()))
    except OSError as trouble:
        _tell(line, lines.number(trouble.errno or 1) + lines.number(0))
        os._exit(problem)
    _own_line = line
    return request


def _tell(line: "_socket.socket", message: bytes) -> None:
    try:
        line.sendall(message)
    except OSError:
        pass  # the caller no longer waits for it


def _descriptors(ancillary: "List[tuple[int, int, bytes]]") -> "List[int]":
    """Return the descriptors that came with a message; no exec hands them on."""
    descriptors = array.array("i")
    for level, kind, data in ancillary:
        if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
            descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
    for fd in descriptors:
        os.set_inheritable(fd, False)
    return list(descriptors)
