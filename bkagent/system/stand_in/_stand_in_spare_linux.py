"""A fork that is there before its caller: of what a command takes, fork and first use of each page are over by then.

It reads the queue by itself, so that no other process has to get its turn between caller and fork. On a pipe it tells
the process that made it what it does, a line each:

    left PID SLOT    it does not suit this caller, or has another one: the process is to answer
    took PID SLOT    it is this caller's fork from here on; the last line
"""

import os
import select
import sys

from bkagent.system.stand_in import _stand_in_caller_linux as callers
from bkagent.system.stand_in import _stand_in_files_linux as files
from bkagent.system.stand_in import _stand_in_queue_linux as queues

assert sys.platform == "linux"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, NoReturn, Optional, Tuple

    Request = Tuple[int, int]  # PID and slot

_READ_BYTES = 4096
_READS_WITHIN_TRIES, _LOOK_AGAIN_MS = 20, 1  # between writing into the queue and reading a script takes a tenth of one


class Spare:
    """A spare fork, for the process that made it. `fd` is readable when there is something to `read`."""

    __slots__ = ("pid", "fd", "_received")

    def __init__(self, pid: int, fd: int) -> None:
        self.pid, self.fd, self._received = pid, fd, b""

    def read(self) -> "Tuple[Optional[Request], List[Request], bool]":
        """Return the caller that it has taken, those it has left, and whether it has ended. Never waits."""
        taken: "Optional[Request]" = None
        left: "List[Request]" = []
        try:
            data = os.read(self.fd, _READ_BYTES)
        except BlockingIOError:
            return None, [], False
        *lines, self._received = (self._received + data).split(b"\n")
        for line in lines:
            word, pid, slot = line.split(b" ")
            if word == b"took":
                taken = int(pid), int(slot)
            else:
                left.append((int(pid), int(slot)))
        return taken, left, not data

    def reap(self) -> None:
        """Wait for the end of one that has closed its pipe."""
        os.waitpid(self.pid, 0)


class SpareFork:
    """The spare fork itself, made by process `parent`, which has the rights and namespaces `own`."""

    def __init__(self, folder: str, queue: int, pipe: int, own: callers.ProcessContext, parent: int) -> None:
        self._folder, self._queue, self._pipe, self._own, self._parent = folder, queue, pipe, own, parent
        self._requests = queues.Requests(folder, queue)
        self._poller = select.poll()
        self._poller.register(queue, select.POLLIN)
        self._poller.register(pipe, 0)  # only to learn when the parent is gone

    def rehearse(self) -> None:
        """Look at a caller, this very process, so that it is not the first one."""
        pid = os.getpid()
        try:
            callers.WaitingCaller(pid, self._own).close()
            for fd in files.of(pid, (0, 1, 2)):
                os.close(fd)
        except (OSError, ValueError, callers.ContextMismatch):
            pass

    def take(self) -> "Tuple[callers.WaitingCaller, Request, int]":
        """Wait for a caller that this fork suits; return it, its request and the line to it."""
        while True:
            for fd, _ in self._poller.poll():
                if fd == self._pipe:
                    os._exit(0)
            requests = self._requests.read()
            while requests:
                request = requests.pop(0)
                suited = self._suit(request)
                if suited is not None:
                    self._tell(requests, request)
                    return suited[0], request, suited[1]
                self._tell([request])

    def begin(self, request: "Request") -> bool:
        """Return whether the command may begin; not while its caller may be told otherwise, as its parent is gone.

        The agent answers those who wait after that, but for the callers of forks that have begun.
        """
        queues.mark_begun(self._folder, request[1])
        return os.getppid() == self._parent

    def _suit(self, request: "Request") -> "Optional[Tuple[callers.WaitingCaller, int]]":
        """Return the caller and the line to it, None where it is for the parent to answer."""
        pid, slot = request
        if queues.has_begun(self._folder, slot):
            return None
        try:
            caller = callers.WaitingCaller(pid, self._own)
        except (OSError, ValueError, callers.ContextMismatch):
            return None
        line = self._open_answer(request)
        if line is None:
            caller.close()
            return None
        return caller, line

    def _open_answer(self, request: "Request") -> "Optional[int]":
        for _ in range(_READS_WITHIN_TRIES):
            line = queues.open_answer(self._folder, request[1])
            if line is not None or not queues.lives(request[0]):
                return line
            select.select([], [], [], _LOOK_AGAIN_MS / 1000)
        return None

    def _tell(self, left: "List[Request]", taken: "Optional[Request]" = None) -> None:
        text = b"".join(b"left %d %d\n" % request for request in left)
        if taken is not None:
            text += b"took %d %d\n" % taken
        try:
            os.write(self._pipe, text)
        except OSError:
            self._end()

    def _end(self) -> "NoReturn":
        """End, as the parent has; the agent answers who waits."""
        os._exit(0)
