"""What asks a process of Windows to end: Ctrl+C, Ctrl+Break, its console's end, or our event; see `signals`.

By a handler of the console and not by Python's signals, which the main thread would hear only between two steps of
Python: it may wait for a process for hours.
"""

import ctypes
import os
import sys
import threading
from ctypes import wintypes

from bkagent.system import _end_event_windows

assert sys.platform == "win32"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Optional

CAN_DIE = False
_NAMES = {0: "SIGINT", 1: "SIGINT"}  # Ctrl+C and Ctrl+Break, by the numbers of their events
_NAME_OF_OTHERS = "SIGTERM"

_kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
_HANDLER = ctypes.WINFUNCTYPE(wintypes.BOOL, wintypes.DWORD)
_kernel32.SetConsoleCtrlHandler.argtypes = (_HANDLER, wintypes.BOOL)
_handler: "Optional[object]" = None  # lives as long as the process, since the system calls it


def name_of(number: int) -> str:
    """Return the name of a signal."""
    return "SIGINT" if number in (2, 21) else str(number)


def catch_endings(handler: "Callable[[str], None]") -> None:
    """Call `handler` on a thread of its own at the first of them."""
    heard = threading.Event()

    def call_once(name: str) -> bool:
        is_first = not heard.is_set()
        heard.set()
        if is_first:
            threading.Thread(target=handler, args=(name,), name="signals", daemon=True).start()
        return is_first

    @_HANDLER
    def obey(number: int) -> bool:
        return call_once(_NAMES.get(number, _NAME_OF_OTHERS))  # else the system ends the process

    global _handler
    _handler = obey
    _kernel32.SetConsoleCtrlHandler(obey, True)
    try:
        event = _end_event_windows.make(os.getpid())
    except OSError:
        return  # it can be killed, not asked
    arguments = (event, lambda: call_once(_NAME_OF_OTHERS))
    threading.Thread(target=_end_event_windows.wait, args=arguments, name="end-event", daemon=True).start()


def unblock() -> None:
    """Do nothing: no process of Windows blocks a signal."""


def die_by(name: str) -> None:
    """Do nothing: a process of Windows ends by its exit status alone."""
