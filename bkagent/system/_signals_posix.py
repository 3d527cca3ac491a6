"""Signals of POSIX systems; the promise is in `signals`."""

import _signal  # type: ignore[import-not-found]
import os
import signal
import sys
import threading

from bkagent.system import _child_signals_posix as child_signals

assert sys.platform != "win32"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

CAN_DIE = True
unblock = child_signals.unblock
# The last two end a process that does not know them, too, and may be configured as what cancels a job.
_ENDINGS = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
_LANDING_S = 10.0  # how long a signal that a process sends itself may take

_heard = ""  # set by the main thread, between two of its steps


def name_of(number: int) -> str:
    """Return the name of a signal."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def catch_endings(handler: "Callable[[str], None]") -> None:
    """Call `handler` on a thread of its own, so that it may take locks and does not wait for the main thread.

    Must be called on the main thread. They are heard even where this process was started to ignore or block them.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    unblock()

    def restore(caught: int, _frame: object) -> None:
        global _heard
        _heard = _heard or name_of(caught)
        for number in _ENDINGS:
            signal.signal(number, signal.SIG_DFL)

    def watch() -> None:
        first = os.read(reading, 1)
        threading.Thread(target=handler, args=(name_of(first[0]),), name="ending", daemon=True).start()
        # Comes only where the main thread has slept on since the first one, which not every system wakes it for.
        second = os.read(reading, 1)
        os._exit(128 + second[0])

    # The interpreter writes the number at once, whichever thread the system has interrupted.
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=watch, name="signals", daemon=True).start()
    for number in _ENDINGS:
        _signal.signal(number, restore)  # `signal` looks in vain for the name of the handler before, six times


def heard() -> str:
    """See `signals`."""
    return _heard


def outlive_logoffs() -> None:
    """Do nothing: here a log-off is the hang-up of a terminal."""


def die_by(name: str) -> None:
    """Send this process a signal with its default effect; return only when it did not end the process in time."""
    number = getattr(signal, name, None)
    if number is None:
        return
    signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (number,))
    os.kill(os.getpid(), number)
    threading.Event().wait(_LANDING_S)
