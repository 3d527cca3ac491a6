"""Signals of Windows, where only Ctrl-C and Ctrl-Break reach a process; the promise is in `signals`."""

import signal
import sys
import threading

assert sys.platform == "win32"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

CAN_DIE = False
_ENDINGS = (signal.SIGINT, signal.SIGBREAK)


def name_of(number: int) -> str:
    """Return the name of a signal."""
    return "SIGINT" if number in _ENDINGS else str(number)


def catch_endings(handler: "Callable[[str], None]") -> None:
    """Call `handler` on a thread of its own at the first Ctrl-C or Ctrl-Break."""

    def note(number: int, _frame: object) -> None:
        for ending in _ENDINGS:
            signal.signal(ending, signal.SIG_DFL)
        threading.Thread(target=handler, args=(name_of(number),), name="signals", daemon=True).start()

    for number in _ENDINGS:
        signal.signal(number, note)


def unblock() -> None:
    """Do nothing: no process of Windows blocks a signal."""


def die_by(name: str) -> None:
    """Do nothing: a process of Windows ends by its exit status alone."""
