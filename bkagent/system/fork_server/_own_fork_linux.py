"""A warm process that begins as a fork of the caller, with which it shares all that the caller has loaded by then."""

import gc
import os
import sys
import time

from bkagent.system import _process_start_posix as processes
from bkagent.system import own_memory
from bkagent.system.fork_server import _fork_client_posix as client

assert sys.platform == "linux"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Sequence


FORKS_CALLERS = True
_LEAVES_WITHIN_S = 0.1


def can_fork_caller() -> bool:
    """Return whether this process has one thread: what others hold locked stays locked in a fork for ever.

    One that has been joined may still be there for a moment.
    """
    end = time.monotonic() + _LEAVES_WITHIN_S
    try:
        while len(os.listdir("/proc/self/task")) > 1:
            if time.monotonic() > end:
                return False
            time.sleep(0.0002)
        return True
    except OSError:
        return False


class OwnForkServer(client.ForkServer):
    """See `fork_server`."""

    def __init__(self, run: "Callable[[], int]", argv: "Sequence[str]") -> None:
        self._run = run
        super().__init__(argv, {})

    def _start(self, line_fd: int, null_fd: int) -> processes.Child:
        gc.freeze()  # a collection would write to what is shared
        return processes.fork_in_session(self._become, line_fd, null_fd, null_fd)

    def _become(self) -> int:
        _close_as_exec_does()
        own_memory.show_arguments(self._argv)
        return self._run()


def _close_as_exec_does() -> None:
    for name in os.listdir("/proc/self/fd"):
        fd = int(name)
        try:
            if fd > 2 and not os.get_inheritable(fd):
                os.close(fd)
        except OSError:
            pass  # that of the listing itself
