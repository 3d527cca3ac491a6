"""The warm process that stands in for others, and the moment of the fork; the promises are in `stand_in`.

As a rule the fork is there before its caller is: a spare one reads the queue (`_stand_in_spare_linux`). This process
reads it while there is none, and forks for those whom a spare one has left to it.
"""

import os
import select
import signal
import sys
import time

from bkagent.system.fork_server import _preload_posix as lessons
from bkagent.system.stand_in import _stand_in_caller_linux as callers
from bkagent.system.stand_in import _stand_in_queue_linux as queues
from bkagent.system.stand_in import _stand_in_spare_linux as spares
from bkagent.system.stand_in import _stand_in_turn_linux as turns
from bkagent.system.stand_in._sweeps import Sweeps

assert sys.platform == "linux"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Dict, Iterable, List, Optional, Tuple

    from bkagent.system.fork_server._preload_posix import ModuleReport
    from bkagent.system.stand_in._forked_command import ForkedCommand

READY = b"r"
_GRACE_S = 1.0  # from the interrupt to the kill, when a caller has died
_LOOK_AGAIN_S = 0.001  # between writing into the queue and reading the answer a script needs a tenth of this
_LOOK_SELDOM_S = 0.1  # at one that has been stopped, say
_READ_BYTES = 4096


def serve(
    folder: str, queue: int, line: int, rehearse: "Callable[[], None]", idle_s: float
) -> "Optional[ForkedCommand]":
    """Serve until the line hangs up; forks are told from the parent by what this returns."""
    server = _StandInServer(folder, queue, line, rehearse)
    lessons.keep_pages_shared()
    try:
        os.write(line, READY)
    except OSError:
        return None  # the agent is gone already
    queues.announce(folder, queue)
    return server.run(idle_s)


class _Call:
    """A slot in use: its caller, the line to it once that reads, and the fork at work for it, if one is."""

    __slots__ = ("pid", "slot", "since", "line", "fork", "kill_at")

    def __init__(self, pid: int, slot: int) -> None:
        self.pid, self.slot = pid, slot
        self.since = time.monotonic()
        self.line = self.fork = 0
        self.kill_at: "Optional[float]" = None  # by time.monotonic(), once the caller has died


class _StandInServer:
    """Looks at callers, forks, and takes note of the ends of both, on one thread."""

    def __init__(self, folder: str, queue: int, line: int, rehearse: "Callable[[], None]") -> None:
        self._folder, self._queue, self._line, self._rehearse = folder, queue, line, rehearse
        self._requests = queues.Requests(folder, queue)
        self._own = callers.ProcessContext("self")
        self._asking: "List[_Call]" = []  # without a line
        self._calls: "Dict[int, _Call]" = {}  # by line
        self._orphans: "Dict[int, _Call]" = {}  # by the pid of the fork, which its caller has left behind
        self._spare: "Optional[spares.Spare]" = None
        self._late: "Optional[_Call]" = None  # whose command the spare fork still runs
        self._may_spare = True  # not after a spare fork has failed, until a call was answered without one
        self._leaves_at: "Optional[float]" = None
        self._sweeps = Sweeps()
        self._bell, self._ringer = os.pipe()  # a child's end makes itself known by a byte
        self._has_rung = False
        self._preloads = lessons.PreloadRequests()
        for fd in (self._bell, self._ringer):
            os.set_blocking(fd, False)
        self._poller = select.poll()
        for fd in (queue, line, self._bell, self._preloads.fd):
            self._poller.register(fd, select.POLLIN)
        signal.set_wakeup_fd(self._ringer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)

    def run(self, idle_s: float) -> "Optional[ForkedCommand]":
        idle_at = time.monotonic() + idle_s
        while True:
            command = self._keep_spare()
            if command is not None:
                return command
            events = self._poller.poll(self._patience_s(idle_at) * 1000)
            now = time.monotonic()
            if events or self._unfinished():
                idle_at = now + idle_s
            for fd, _ in events:
                self._see_to(fd)
            if self._has_rung:  # behind those events, whose descriptors it may close
                self._has_rung = False
                self._reap()
            command = self._answer_all()
            if command is not None:
                return command
            self._kill_the_late(now)
            self._sweep(now)
            if now >= idle_at:
                asked_ago_s = max(0.0, time.time() - os.fstat(self._queue).st_mtime)
                if asked_ago_s >= idle_s:
                    self._leave()
                idle_at = now + max(idle_s - asked_ago_s, 0.0)  # the spare fork has served those
            if self._leaves_at is not None and now >= self._leaves_at and not self._unfinished():
                return None

    def _unfinished(self) -> "List[_Call]":
        """Return the calls that are answered and not over."""
        return [*self._calls.values(), *self._orphans.values()]

    def _see_to(self, fd: int) -> None:
        if fd == self._queue:
            self._ask(self._requests.read())
        elif self._spare is not None and fd == self._spare.fd:
            self._hear_spare()
        elif fd == self._bell:
            os.read(fd, _READ_BYTES)
            self._has_rung = True
        elif fd == self._preloads.fd:
            self._preloads.preload()
        elif fd == self._line:
            self._poller.unregister(fd)
            self._leave(0.0 if os.read(fd, 1) == queues.NO_JOBS else queues.LAST_S)
        elif fd in self._calls and _has_no_reader(fd):
            self._has_gone(self._calls[fd])

    def _ask(self, requests: "Iterable[Tuple[int, int]]") -> None:
        """Have callers, by PID and slot, answered by this process, but for those that it knows already."""
        known = {call.slot for call in (*self._asking, *self._unfinished())}
        self._asking += [_Call(pid, slot) for pid, slot in requests if slot not in known]

    def _keep_spare(self) -> "Optional[ForkedCommand]":
        """Have a spare fork wait for the next caller; in that fork, return the command that it is to run.

        There is none while callers ask here: they might be its callers, too.
        """
        if self._spare is not None or not self._may_spare or self._asking or self._leaves_at is not None:
            return None
        server_pid = os.getpid()
        reading, writing = os.pipe()
        try:
            pid = os.fork()
        except OSError:
            os.close(reading)
            os.close(writing)
            self._may_spare = False
            return None
        if not pid:
            os.close(reading)
            return self._be_spare(spares.SpareFork(self._folder, self._queue, writing, self._own, server_pid))
        os.close(writing)
        os.set_blocking(reading, False)
        self._spare = spares.Spare(pid, reading)
        self._poller.register(reading, select.POLLIN)
        self._poller.unregister(self._queue)
        return None

    def _be_spare(self, fork: spares.SpareFork) -> "ForkedCommand":
        """Be the spare fork: get ready, wait, and stand in for the caller that comes."""
        module_report = self._set_apart(_Call(0, 0))
        fork.rehearse()
        self._rehearse()
        fork.get_ready()
        return turns.be_next(fork, module_report)

    def _hear_spare(self) -> None:
        """Take note of what the spare fork says; of the callers that it serves soon it says nothing."""
        spare = self._spare
        if spare is None:
            return
        news, has_ended = spare.read()
        while news:
            word, request = news.pop(0)
            if word == spares.LEFT:
                self._ask([request])
            elif word == spares.LATE:
                self._late = self._watch(request, spare.pid)
                self._poller.register(self._queue, select.POLLIN)
                more, has_ended = spare.read()  # whether it is done is known by the time that its caller may be gone
                news += more
            elif word == spares.DONE:
                self._forget_late()
            else:
                self._let_spare_go(spare)
                call, self._late = self._late or self._watch(request, spare.pid), None
                if not call.line:
                    self._orphan(call)
        if self._late is not None and not self._late.line:
            self._let_spare_go(spare)
            call, self._late = self._late, None
            self._orphan(call)
        if has_ended and self._spare is not None:
            self._lose_spare(spare)

    def _watch(self, request: "Tuple[int, int]", fork: int) -> _Call:
        """Return the call of a spare fork, without a line where its caller has gone."""
        call = _Call(*request)
        call.fork = fork
        call.line = queues.open_answer(self._folder, call.slot) or 0
        if call.line:
            self._calls[call.line] = call
            self._poller.register(call.line, 0)  # only to learn when its reader is gone
        return call

    def _forget_late(self) -> None:
        """Leave caller and queue to the spare fork again."""
        call, self._late = self._late, None
        self._poller.unregister(self._queue)
        if call is not None and call.line:
            self._close_line(call)

    def _let_spare_go(self, spare: spares.Spare) -> None:
        """Have no spare fork any more: it is its caller's to its end. Others, served before, may still be leaving."""
        self._spare = None
        self._sweeps.hasten()
        self._poller.unregister(spare.fd)
        os.close(spare.fd)
        self._poller.register(self._queue, select.POLLIN)

    def _lose_spare(self, spare: spares.Spare) -> None:
        """Answer who waits for a spare fork that has ended without a word."""
        self._let_spare_go(spare)
        self._may_spare = False
        if self._late is None:  # else it is reaped as the fork of this call
            spare.reap()
        self._late = None
        self._ask(self._requests.read())
        self._ask(queues.unanswered(self._folder))

    def _leave(self, in_s: float = queues.LAST_S) -> None:
        """Be named no more, answer those who have seen the name still, and see the forks at work to their end."""
        if self._leaves_at is None:
            queues.forget_own(self._folder)
            self._leaves_at = time.monotonic() + in_s

    def _answer_all(self) -> "Optional[ForkedCommand]":
        """Answer the callers that read by now; in a fork, return the command that it is to run."""
        asking, self._asking = self._asking, []
        for call in asking:
            line = queues.open_answer(self._folder, call.slot)
            if line is not None:
                command = self._answer(call, line)
                if command is not None:
                    return command
            elif queues.lives(call.pid):
                self._asking.append(call)
            else:
                queues.free_of(self._folder, call.slot, call.pid)
        return None

    def _answer(self, call: _Call, line: int) -> "Optional[ForkedCommand]":
        self._may_spare = True
        call.line = line
        self._calls[line] = call
        self._poller.register(line, 0)  # only to learn when its reader is gone
        try:
            caller = callers.WaitingCaller(call.pid, self._own)
            call.fork = os.fork()
        except (OSError, ValueError, callers.ContextMismatch):
            turns.tell(call.line, queues.NO)
            return None
        if call.fork:
            queues.mark_begun(self._folder, call.slot)
            caller.close()
            return None
        return turns.be_only(caller, call.pid, call.line, self._set_apart(call))

    def _set_apart(self, call: _Call) -> "ModuleReport":
        """Be a process of its own, in a fork; return what tells the parent of modules."""
        try:
            os.setsid()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            return self._let_go(call)
        except (OSError, ValueError):
            if call.line:
                turns.tell(call.line, queues.NO)
            os._exit(0)

    def _let_go(self, own: _Call) -> "ModuleReport":
        """Close what is the parent's alone; return what tells it of modules."""
        for fd in (self._bell, self._ringer, *self._calls):
            if fd != own.line:
                os.close(fd)
        if self._spare is not None:
            os.close(self._spare.fd)
        return self._preloads.leave_to()

    def _has_gone(self, call: _Call) -> None:
        """The caller reads no more: it has its answer, or has died. The slot is free once the fork has ended."""
        if call is self._late:
            self._hear_spare()
            if not call.line:
                return
        self._close_line(call)
        if self._spare is not None and call is self._late:
            self._let_spare_go(self._spare)
            self._late = None
        if call.fork:
            self._orphan(call)
        else:
            queues.free_of(self._folder, call.slot, call.pid)

    def _close_line(self, call: _Call) -> None:
        self._poller.unregister(call.line)
        os.close(call.line)
        del self._calls[call.line]
        call.line = 0

    def _orphan(self, call: _Call) -> None:
        call.kill_at = time.monotonic() + _GRACE_S
        _signal_group(call.fork, signal.SIGINT)
        self._orphans[call.fork] = call

    def _kill_the_late(self, now: float) -> None:
        for call in self._unfinished():
            if call.kill_at is not None and now >= call.kill_at:
                _signal_group(call.fork, signal.SIGKILL)
                call.kill_at = None

    def _sweep(self, now: float) -> None:
        """Free the slots of callers that have left, or died before they could ask."""
        if self._sweeps.is_due(now):
            queues.sweep_left(self._folder, {call.slot for call in (*self._asking, *self._unfinished())})

    def _patience_s(self, idle_at: float) -> float:
        """Return how long nothing has to be done unless something happens."""
        if self._asking:
            return _LOOK_AGAIN_S if time.monotonic() < self._asking[-1].since + 1.0 else _LOOK_SELDOM_S
        ends = [call.kill_at for call in self._unfinished() if call.kill_at is not None] + [self._sweeps.due_at]
        now = time.monotonic()
        leaves_after_calls = self._leaves_at is not None and self._leaves_at < now and bool(self._unfinished())
        ends.append(idle_at if self._leaves_at is None or leaves_after_calls else self._leaves_at)
        return max(0.0, min(ends) - now) + 0.001

    def _reap(self) -> None:
        self._hear_spare()  # it may have found its caller, and served it
        for call in self._unfinished():
            if not call.fork:
                continue
            pid, status = os.waitpid(call.fork, os.WNOHANG)
            if not pid:
                continue
            orphan = self._orphans.pop(call.fork, None)
            call.fork, call.kill_at = 0, None
            if orphan is not None:
                queues.free_of(self._folder, call.slot, call.pid)
            elif os.WIFSIGNALED(status):
                turns.tell(call.line, b"kill %d\n" % os.WTERMSIG(status))
            else:  # it has told that itself, as a rule
                turns.tell_end(call.line, os.WEXITSTATUS(status))


def _has_no_reader(line: int) -> bool:
    """Whether a caller has gone. An event may be of another line that had the same number before."""
    poller = select.poll()
    poller.register(line, 0)
    return bool(poller.poll(0))


def _signal_group(pid: int, number: int) -> None:
    for send in (os.killpg, os.kill):
        try:
            send(pid, number)
            return
        except OSError:
            pass  # not in its session yet, or ended
