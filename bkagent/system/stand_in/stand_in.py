"""A warm process that stands in for short ones: it forks, and the fork runs a command in its caller's place.

AVAILABLE                       whether this system can
Queue(folder)                   the agent's side of `folder`, where callers ask; made if missing; raises OSError
    .fd                         readable when a caller asks; the warm process gets it
    .announce()                 from now on callers ask this process
    .make_answers()             from now on they wait for its answer; before, they only ask
    .refuse()                   tell those who ask that they have to run their commands themselves
    .sweep()                    tell that to all who wait, since the warm process has ended
    .close()                    stop answering
serve(folder, queue, line, rehearse) -> Optional[ForkedCommand]
                                in the warm process, which must have one thread: returns in each fork what that shall
                                do, and None when `line` has hung up or no caller came for `IDLE_S`. `queue` is the
                                `fd` of a Queue, `line` a socket's descriptor: it gets a byte when the process serves,
                                and hangs up when the agent is gone; NO_JOBS before that says that no job is left.
                                `rehearse()` is called in a fork that waits for a caller: what memory it writes to is
                                the fork's own by the time that the caller comes
ForkedCommand.program, .words, .env      the caller's program, its command line behind that, and its environment
ForkedCommand.done(status, leaves_nothing, kept_count)
                                end the caller with an exit status, and the fork, too; or return what that shall do for
                                another caller, where the first one's command leaves nothing behind in the process: no
                                data, no buffer, no thread, no change of a module, and no open file but `kept_count`
                                that are kept on purpose

The caller is the shell script `stand_in_script.SCRIPT`; nothing of it needs a program to start. A fork has its caller's
standard files, working directory, umask, limits, priority and processors, and a session of its own. A caller that could
tell the difference otherwise gets no fork and goes on by itself: that of another user, group or capability, another
root, namespace or control group, or with standard files that the kernel does not share and that are no terminals, pipes
or devices (the position in them would not move for other processes that have them open). One fork serves one caller
after the other; as soon as others would wait for longer than a fork takes they get forks of their own. When the caller
dies so does the fork, unless it is done at once: first it is interrupted, then killed. A fork that a signal kills kills
its caller by the same one; in the first moment of its work its caller may end with exit status 1 and a sentence
instead. No command ever runs twice.
"""

import sys

IDLE_S = 600.0

if sys.platform == "linux":
    from bkagent.system.stand_in._stand_in_queue_linux import AVAILABLE, NO_JOBS, Queue
else:
    from bkagent.system.stand_in._stand_in_none import AVAILABLE, NO_JOBS, Queue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Optional

    from bkagent.system.stand_in._forked_command import ForkedCommand

__all__ = ["AVAILABLE", "IDLE_S", "NO_JOBS", "Queue", "serve"]


def serve(folder: str, queue: int, line: int, rehearse: "Callable[[], None]") -> "Optional[ForkedCommand]":
    """See above. Loaded late: the agent has no use for what serves."""
    if sys.platform == "linux":
        from bkagent.system.stand_in import _stand_in_server_linux

        return _stand_in_server_linux.serve(folder, queue, line, rehearse, IDLE_S)
    raise OSError("this system has no processes that stand in for others")
