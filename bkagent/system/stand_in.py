"""A warm process that stands in for short ones: it forks, and the fork runs a command in its caller's place.

AVAILABLE                       whether this system can
hand_over(path) -> None         in the caller: have this process's own command line run by the process that serves at
                                `path`, and end with its exit status. Returns where nothing was run and nothing will be
serve(listener, line, argv) -> Optional[Duty]
                                in the warm process, which must have one thread: returns in each fork what that shall
                                do, and None when `line` has hung up or nobody has called for `IDLE_S`. Both are
                                descriptors: a listening socket, and one that is readable when the owner is gone.
                                Callers whose command line does not begin with the words `argv` are refused
Duty.words, .env                what follows those words in the caller's command line, and its environment
Duty.done(status)               end the fork, and the caller, with an exit status; does not return

A fork has its caller's standard files, working directory, umask, limits, priority and processors, and a session of its
own. Where it could be told apart otherwise it is not made, and `hand_over` returns: another user, group or capability,
another root, namespace or control group. When the caller dies so does the fork: first it is interrupted, then killed.
A fork that a signal kills kills its caller by the same one.
"""

import sys

IDLE_S = 600.0
SOCKET = "commands"  # its name in the folder of the launchers

if sys.platform == "linux":
    from bkagent.system._stand_in_client_linux import AVAILABLE, hand_over
else:
    from bkagent.system._stand_in_none import AVAILABLE, hand_over

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional, Sequence

    from bkagent.system._stand_in_duty import Duty

__all__ = ["AVAILABLE", "IDLE_S", "SOCKET", "hand_over", "serve"]


def serve(listener: int, line: int, argv: "Sequence[str]") -> "Optional[Duty]":
    """See above. Loaded late: who calls has no time for what serves."""
    if sys.platform == "linux":
        from bkagent.system import _stand_in_server_linux

        return _stand_in_server_linux.serve(listener, line, argv, IDLE_S)
    raise OSError("this system has no processes that stand in for others")
