"""A fork that is there before its caller: of what a command takes, fork and first use of each page are over by then.

It reads the queue by itself, so that no other process has to get its turn between caller and fork. Where its command
ends soon and leaves nothing behind it serves the next caller, too. On a pipe it tells the process that made it what
that has to know, a line each; nothing of a caller that is served soon:

    left PID SLOT    it does not suit this caller, or has another one: the process is to answer
    late PID SLOT    it still runs the command of this caller: the process is to see to both, and to read the queue
    done PID SLOT    it will read the queue again, and free this slot: the process is to leave both to it
    took PID SLOT    it is this caller's fork to its end; the last line

As `done` is written before the caller is told of its exit status, the process has read it by the time that it may take
the caller for dead.
"""

import os
import select
import signal
import sys

from bkagent.system.stand_in import _stand_in_caller_linux as callers
from bkagent.system.stand_in import _stand_in_files_linux as files
from bkagent.system.stand_in import _stand_in_queue_linux as queues

assert sys.platform == "linux"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, NoReturn, Optional, Tuple

    Request = Tuple[int, int]  # PID and slot

LEFT, LATE, DONE, TOOK = b"left", b"late", b"done", b"took"
_READ_BYTES = 4096
_READS_WITHIN_TRIES, _LOOK_AGAIN_MS = 20, 1  # between writing into the queue and reading a script takes a tenth of one
_LATE_AFTER_S = 0.005  # what a fork takes: others wait no longer than for one of their own
_TAKEN_AFTER_S = 1.0
_TURNS_COUNT = 500  # what a command leaves behind in spite of all is gone with the fork


class Spare:
    """A spare fork, for the process that made it. `fd` is readable when there is something to `read`."""

    __slots__ = ("pid", "fd", "_received")

    def __init__(self, pid: int, fd: int) -> None:
        self.pid, self.fd, self._received = pid, fd, b""

    def read(self) -> "Tuple[List[Tuple[bytes, Request]], bool]":
        """Return what it says of which callers, and whether it has ended. Never waits."""
        try:
            data = os.read(self.fd, _READ_BYTES)
        except BlockingIOError:
            return [], False
        *lines, self._received = (self._received + data).split(b"\n")
        words = [line.split(b" ") for line in lines]
        return [(word, (int(pid), int(slot))) for word, pid, slot in words], not data

    def reap(self) -> None:
        """Wait for the end of one that has closed its pipe."""
        os.waitpid(self.pid, 0)


class SpareFork:
    """The spare fork itself, made by process `parent`, which has the rights and namespaces `own`."""

    def __init__(self, folder: str, queue: int, pipe: int, own: callers.ProcessContext, parent: int) -> None:
        self._folder, self._queue, self._pipe, self._own, self._parent = folder, queue, pipe, own, parent
        self._requests = queues.Requests(folder, queue)
        self._asking: "List[Request]" = []
        self._caller: "Optional[Request]" = None  # whose turn it is
        self._word = b""  # said of it last
        self._turns_left = _TURNS_COUNT
        self._served: "Dict[int, Request]" = {}  # who has been told of its end, by the line to it
        self._own_files = (os.dup(queue), os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC))
        self._files_count = 0
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

    def get_ready(self) -> None:
        """Prepare for the first caller."""
        signal.signal(signal.SIGALRM, self._report_delay)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGALRM,))  # whoever started the agent may have blocked it
        self._files_count = _open_files_count()

    def take(self) -> "Tuple[callers.WaitingCaller, Request, int]":
        """Wait for a caller that this fork suits; return it, its request and the line to it."""
        while True:
            while self._asking:
                request = self._asking.pop(0)
                suited = self._suit(request)
                if suited is not None:
                    return suited[0], request, suited[1]
                self._say((LEFT, request))
            for fd, _ in self._poller.poll():
                if fd == self._pipe:
                    self.end()
                if fd in self._served:
                    self._let_go(fd)
            self._asking = self._requests.read()

    def begin(self, request: "Request") -> bool:
        """Return whether the command may begin; not while its caller may be told otherwise, as its parent is gone.

        The agent answers those who wait after that, but for the callers of forks that have begun.
        """
        queues.mark_begun(self._folder, request[1])
        if os.getppid() != self._parent:
            return False
        self._caller, self._word = request, b""
        signal.setitimer(signal.ITIMER_REAL, _LATE_AFTER_S, _TAKEN_AFTER_S)
        return True

    def be_taken(self, request: "Request") -> None:
        """Leave this caller to the parent until this process has ended, which it is about to do."""
        self._caller = None
        try:
            self._write(*((LEFT, other) for other in self._asking), (TOOK, request))
        except OSError:
            pass  # it has gone, or has seen the caller go

    def end_turn(self, caller: callers.WaitingCaller, leaves_nothing: bool, kept_count: int) -> bool:
        """Return whether there may be a turn after this one, by what the command leaves behind.

        Before the caller is told of its end: by then its files and its folder are not in use any more.
        """
        request, self._caller = self._caller, None  # from here on no delay is reported
        assert request is not None
        signal.setitimer(signal.ITIMER_REAL, 0)
        self._turns_left -= 1
        goes_on = leaves_nothing and self._word != TOOK and self._turns_left > 0 and caller.is_undoable
        if goes_on:
            queue, null = self._own_files
            for number, fd in enumerate((queue, null, null)):
                os.dup2(fd, number)
            os.chdir(os.sep)
            # The line to this caller is one more.
            goes_on = _open_files_count() == self._files_count + len(self._served) + 1 + kept_count
        if goes_on and self._word == LATE:
            try:
                self._write((DONE, request))
            except OSError:
                return False  # the parent has gone, or has seen the caller go
        elif not goes_on and self._word != TOOK:
            self.be_taken(request)
        return goes_on

    def await_leaving(self, request: "Request", line: int, was_told: bool) -> None:
        """See the caller off whose turn is over, at some time: its slot is free then."""
        if was_told:
            self._served[line] = request
            self._poller.register(line, 0)
            return
        if self._word:  # the parent may have found that its caller has died, and be about to interrupt this process
            self.end()
        self._served[line] = request
        self._let_go(line, is_polled=False)

    def end(self, status: int = 0) -> "NoReturn":
        """End, after the last turn, or as this process cannot serve on: the agent or the parent answers who waits."""
        self._see_off()
        os._exit(status)

    def _see_off(self) -> None:
        """Let all go who have been served: nobody waits for them here any more, and the parent sweeps up after them."""
        gone = {fd for fd, _ in self._poller.poll(0)} & self._served.keys()
        for line in list(self._served):
            if line in gone:
                self._let_go(line)
            else:  # its slot is its own until it has left
                del self._served[line]
                os.close(line)

    def _let_go(self, line: int, *, is_polled: bool = True) -> None:
        pid, slot = self._served.pop(line)
        if is_polled:
            self._poller.unregister(line)
        os.close(line)
        queues.free_of(self._folder, slot, pid)

    def _report_delay(self, *_: object) -> None:
        """Tell the parent of a caller who takes long, and of others who must not wait for that."""
        if self._caller is None or self._word == TOOK:
            return
        self._word = TOOK if self._word == LATE else LATE
        if self._word == TOOK:
            signal.setitimer(signal.ITIMER_REAL, 0)
            self._see_off()
        others, self._asking = self._asking, []
        try:
            self._write(*((LEFT, other) for other in others), (self._word, self._caller))
        except OSError:
            pass  # it is gone; the agent answers the others

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

    def _say(self, *news: "Tuple[bytes, Request]") -> None:
        try:
            self._write(*news)
        except OSError:
            self.end()

    def _write(self, *news: "Tuple[bytes, Request]") -> None:
        os.write(self._pipe, b"".join(b"%s %d %d\n" % (word, *request) for word, request in news))


def _open_files_count() -> int:
    return len(os.listdir("/proc/self/fd"))
