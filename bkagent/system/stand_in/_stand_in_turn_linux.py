"""In a fork: become the stand-in of a caller, and end that, for one caller or for one after the other."""

import os
import signal
import sys

from bkagent.system import _process_start_posix as processes
from bkagent.system.stand_in import _stand_in_files_linux as files
from bkagent.system.stand_in import _stand_in_queue_linux as queues
from bkagent.system.stand_in._forked_command import ForkedCommand
from bkagent.system.stand_in.stand_in_script import STDIN

assert sys.platform == "linux"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from bkagent.system.fork_server._preload_posix import ModuleReport
    from bkagent.system.stand_in._stand_in_caller_linux import WaitingCaller
    from bkagent.system.stand_in._stand_in_spare_linux import SpareFork


_BEGUN = b"begun\n"


def be_only(caller: "WaitingCaller", pid: int, line: int, module_report: "ModuleReport") -> ForkedCommand:
    """Stand in for the caller that this fork was made for."""
    if not _replace(caller, pid):
        tell(line, queues.NO)
        os._exit(0)
    if not tell(line, _BEGUN):
        os._exit(0)

    def done(status: int, leaves_nothing: bool, kept_count: int = 0) -> "NoReturn":
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the caller ends by this, which is no reason to stop
        tell_end(line, status)
        module_report.report()
        os._exit(status & 0xFF)

    return ForkedCommand(caller.program(), caller.words(), caller.env(), done)


def be_next(fork: "SpareFork", module_report: "ModuleReport") -> ForkedCommand:
    """Stand in for the caller that comes next, and where nothing is against it for the one after that."""
    caller, request, line = fork.take()
    if not _replace(caller, request[0]):
        fork.be_taken(request)
        tell(line, queues.NO)
        fork.end()
    if not fork.begin(request):
        fork.end()
    if not tell(line, _BEGUN):
        fork.be_taken(request)
        fork.end()

    def done(status: int, leaves_nothing: bool, kept_count: int = 0) -> ForkedCommand:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the caller ends by this, which is no reason to stop
        goes_on = fork.end_turn(caller, leaves_nothing, kept_count)
        was_told = tell_end(line, status)
        module_report.report()
        if not goes_on:
            fork.end(status & 0xFF)
        fork.await_leaving(request, line, was_told)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        return be_next(fork, module_report)

    return ForkedCommand(caller.program(), caller.words(), caller.env(), done)


def tell_end(line: int, status: int) -> bool:
    """Tell the caller that its command has ended; say whether it still waits."""
    return tell(line, b"exit %d\n" % (status & 0xFF))


def tell(line: int, answer: bytes) -> bool:
    """Tell the caller; say whether it still waits."""
    try:
        os.write(line, answer)
    except OSError:
        return False
    return True


def _replace(caller: "WaitingCaller", pid: int) -> bool:
    """Take the caller's place; return whether that was possible. Where it was not this process has to end."""
    try:
        stdin, stdout, stderr = files.of(pid, (STDIN, 1, 2))
        processes.place_files((stdin, stdout, stderr))  # in place of the queue and the line to the agent
        for fd in (stdin, stdout, stderr):
            os.close(fd)
        caller.become()
        caller.close()
    except (OSError, ValueError):
        return False
    return True
