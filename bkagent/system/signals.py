"""Signals by name, and what a process does about those that ask it to end.

number(name) -> int             of "SIGTERM", in any case; raises ValueError for a name that may not be configured
name_of(number) -> str          "SIGTERM"; the decimal number where it has no name
description(name) -> str        the words that follow "signal: " in the job log, such as "terminated"
catch_endings(handler) -> None  call handler(name) at the first signal that asks this process to end; the second ends it
heard() -> str                  the first of these in this process, "" before it; on the main thread also before the
                                handler has been called, on systems where CAN_DIE is true
outlive_logoffs() -> None       where this process is in no user's session, as a service of Windows is, do not end when
                                a user logs off. Signals that are caught have to be so before
unblock() -> None               hear signals that this process may have been started to block, on this thread and those
                                that it starts
die_by(name) -> None            end this process by that signal, uncaught; returns where that is impossible
CAN_DIE                         whether the process that waits for this one can see a signal that ended it
QUIT_STATUS                     exit status of a process that was told to quit and does not die by the signal
"""

import sys

if sys.platform == "win32":
    from bkagent.system._signals_windows import CAN_DIE, catch_endings, die_by, heard, name_of, outlive_logoffs, unblock
else:
    from bkagent.system._signals_posix import CAN_DIE, catch_endings, die_by, heard, name_of, outlive_logoffs, unblock

__all__ = [
    "CAN_DIE", "NAMES", "QUIT_STATUS", "catch_endings", "description", "die_by", "heard", "name_of", "number",
    "outlive_logoffs", "unblock",
]  # fmt: skip

QUIT_STATUS = 131

# The reference's numbers are Linux's on every system.
NAMES = {"SIGHUP": 1, "SIGINT": 2, "SIGQUIT": 3, "SIGKILL": 9, "SIGUSR1": 10, "SIGUSR2": 12, "SIGTERM": 15}

_WORDS = {
    "SIGHUP": "hangup", "SIGINT": "interrupt", "SIGQUIT": "quit", "SIGILL": "illegal instruction",
    "SIGTRAP": "trace/breakpoint trap", "SIGABRT": "aborted", "SIGBUS": "bus error",
    "SIGFPE": "floating point exception", "SIGKILL": "killed", "SIGUSR1": "user defined signal 1",
    "SIGSEGV": "segmentation fault", "SIGUSR2": "user defined signal 2", "SIGPIPE": "broken pipe",
    "SIGALRM": "alarm clock", "SIGTERM": "terminated",
}  # fmt: skip


def number(name: str) -> int:
    """Return the number of a signal that may be configured. Raises ValueError with a sentence for any other."""
    value = NAMES.get(name.upper())
    if value is None:
        raise ValueError(f'unknown signal "{name}"; known are {", ".join(NAMES)}')
    return value


def description(name: str) -> str:
    """Return how the job log names a signal that ended a process."""
    return _WORDS.get(name, name if name.startswith("SIG") else f"signal {name}")
