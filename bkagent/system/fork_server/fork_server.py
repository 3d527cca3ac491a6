"""Processes forked from a process that is warm: one that has loaded what they need, and has done nothing else.

AVAILABLE                                   whether this system can
ForkServer(argv, env)                       starts a warm process, which shall call `serve`; raises OSError
    .is_ready(within_s=0) -> bool           whether it serves now, or comes to it in so many seconds
    .has_served                             whether it ever came so far, as `is_ready` and `wait` have seen
    .start(words, env, cwd, stdin, stdout, stderr) -> Forked
                                            fork a process in a session of its own; the last three are file descriptors
    .wait() -> Ended                        wait until the warm process has ended
    .close()                                let the warm process end; what was forked from it runs on
FORKS_CALLERS                               whether a warm process may ever begin as a fork of its caller
can_fork_caller() -> bool                   whether a warm process may begin as a fork of this process
OwnForkServer(run, argv)                    the same as a ForkServer, but a fork of this process, of which it shares the
                                            memory, that ends with what `run` returns: it shall call `serve`. Others see
                                            it under the arguments `argv`
serve() -> Optional[ForkRequest]            in the warm process, which must have one thread: returns in each forked
                                            process what that shall do, and None once the asking side has hung up
report_modules() -> None                    in a forked process that ends: have the warm one load the same modules

`start` raises OSError when the process cannot have its folder, ValueError as all starting of processes does, and
NotWarm when the warm process does not answer: then nothing has been started.

The warm process never sees what it forks for: words and variables go to the new process on a line of its own. The
end of that line tells the end of the process, and nothing else of the asking side is shared with it.
"""

import sys

if sys.platform == "win32":
    from bkagent.system.fork_server._fork_server_windows import AVAILABLE, Forked, ForkServer, report_modules, serve
else:
    from bkagent.system.fork_server._fork_client_posix import AVAILABLE, Forked, ForkServer
    from bkagent.system.fork_server._fork_server_posix import report_modules, serve

if sys.platform == "linux":
    from bkagent.system.fork_server._own_fork_linux import FORKS_CALLERS, OwnForkServer, can_fork_caller
else:
    from bkagent.system.fork_server._own_fork_none import FORKS_CALLERS, OwnForkServer, can_fork_caller

from bkagent.system.fork_server._fork_request import ForkRequest, NotWarm

__all__ = [
    "AVAILABLE", "FORKS_CALLERS", "ForkServer", "Forked", "NotWarm", "ForkRequest", "OwnForkServer", "can_fork_caller",
    "report_modules", "serve",
]  # fmt: skip
