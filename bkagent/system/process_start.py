"""Start a process that can be stopped together with its group, and carry what it prints.

On Windows a session is a console without a window, and `Child.kill_group` of a process in a group ends all that it
started, too; where a second job object cannot be had (Windows 7), the process alone.

TERMINALS   whether this system has terminals to give

start_in_terminal(argv, env, cwd, raw) -> (Child, fd)
    in a session of its own, under a new terminal of 160 x 100 whose other end is `fd`; not on Windows
start_in_group(argv, env, cwd, stdin, stdout, stderr) -> Child
    in a group of its own; the last three are file descriptors
start_in_session(argv, env, cwd, stdin, stdout, stderr) -> Child
    in a session of its own, without a terminal
use_absolute_paths() -> None
    promise that this process uses no relative path from now on: it may then be in other folders for moments, which
    makes starting processes cheaper on some systems
pump(child, streams, quiet_s, limit_s) -> Ended
    call the sink of each (fd, sink) with what arrives until the process has ended; then go on until the output has
    been quiet for `quiet_s`, for at most `limit_s`

argv[0] is the path of the program. All three raise OSError when the program cannot be run (the errno is that of the
attempt itself) and ValueError, with a sentence, for arguments or variables that no process can be given.
"""

import sys

if sys.platform == "win32":
    from bkagent.system._process_pump_windows import pump
    from bkagent.system._process_start_windows import (
        TERMINALS,
        Child,
        start_in_group,
        start_in_session,
        start_in_terminal,
        use_absolute_paths,
    )
else:
    from bkagent.system._process_pump_posix import pump
    from bkagent.system._process_start_posix import (
        TERMINALS,
        Child,
        start_in_group,
        start_in_session,
        start_in_terminal,
        use_absolute_paths,
    )

from bkagent.system._process_end import Ended

__all__ = [
    "TERMINALS",
    "Child",
    "Ended",
    "pump",
    "start_in_group",
    "start_in_session",
    "start_in_terminal",
    "use_absolute_paths",
]
