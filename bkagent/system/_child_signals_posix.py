"""The signals that a started program ignores and blocks: those of the reference's, however this process was started.

That one handles every signal but a few from its start on, and a handled signal has its default effect in a new program.
Source: Go's `os/signal`, and the signal tables of its runtime.
"""

import signal
import sys

assert sys.platform != "win32"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable, Tuple

_ENDINGS = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
# Ignored in what is started, too, where this process was started to ignore them: `bkagent start &` of a script.
_LEFT_IGNORED = ("SIGCONT", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGRTMIN")
# The same, but for a process that handles them.
_LEFT_UNTIL_HANDLED = (signal.SIGINT, signal.SIGHUP)
# Heard even if they were blocked when this process started: else it would miss requests to end, and ends of children.
_NEVER_BLOCKED = (
    "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGSEGV", "SIGTERM",
    "SIGSTKFLT", "SIGCHLD", "SIGURG", "SIGPROF", "SIGSYS", "SIGRTMIN",
)  # fmt: skip

# Python names SIGSTKFLT from 3.11 on; where its number has another name the processor has no such signal.
_STKFLT = 16


def _numbers(names: "Iterable[str]") -> "Tuple[int, ...]":
    return tuple(int(getattr(signal, name)) for name in names if hasattr(signal, name))


_unblocked = _numbers(_NEVER_BLOCKED)
if sys.platform == "linux" and _STKFLT not in {int(known) for known in signal.Signals}:
    _unblocked += (_STKFLT,)
# Python ignores SIGPIPE and SIGXFSZ for itself.
_ignored_at_start = tuple(
    number
    for number in range(1, signal.NSIG)
    if number not in _numbers(_LEFT_IGNORED)
    and number not in _LEFT_UNTIL_HANDLED
    and signal.getsignal(number) is signal.SIG_IGN
)


def unblock() -> None:
    """Hear the signals that no process of ours blocks, on this thread and those that it starts."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _unblocked)


def hold_back() -> object:
    """Keep signals from this thread over a fork, so that its handlers do not run in the child; return its mask."""
    return signal.pthread_sigmask(signal.SIG_BLOCK, _ENDINGS)


def restore(mask: object) -> None:
    """Let this thread have the mask again that `hold_back` returned."""
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)  # type: ignore[arg-type]


def set_for_program(mask: object) -> None:
    """Between fork and exec: give the program its signals, where `hold_back` has returned `mask` before the fork."""
    for number in _endings_with_default():
        # One that came between fork and now was meant for us, who pass on what is meant for the child, too.
        signal.signal(number, signal.SIG_IGN)
        signal.signal(number, signal.SIG_DFL)
    for ignored in _ignored_at_start:
        signal.signal(ignored, signal.SIG_DFL)
    restore(mask)
    unblock()


def set_for_fork(mask: object) -> None:
    """After a fork that no exec follows: handle no signal as this process did. `hold_back` has returned the mask."""
    signal.set_wakeup_fd(-1)
    for number in _ENDINGS:
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    restore(mask)
    unblock()


def of_program() -> "Tuple[Tuple[int, ...], Tuple[int, ...]]":
    """Return the signals that a program blocks which this thread starts, and those that it gets with their default."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    return tuple(mask.difference(_unblocked)), (*_endings_with_default(), *_ignored_at_start)


def _endings_with_default() -> "Tuple[int, ...]":
    return tuple(
        number
        for number in _ENDINGS
        if number not in _LEFT_UNTIL_HANDLED or signal.getsignal(number) is not signal.SIG_IGN
    )
