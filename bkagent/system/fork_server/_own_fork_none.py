"""Where no process is forked that goes on: macOS, whose libraries have threads of their own, and Windows."""

import sys

if sys.platform == "win32":
    from bkagent.system.fork_server._fork_server_windows import ForkServer
else:
    from bkagent.system.fork_server._fork_client_posix import ForkServer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Sequence


FORKS_CALLERS = False


def can_fork_caller() -> bool:
    """Return that it cannot."""
    return False


class OwnForkServer(ForkServer):
    """Never starts."""

    def __init__(self, run: "Callable[[], int]", argv: "Sequence[str]") -> None:
        raise OSError("this system does not fork processes that go on")
