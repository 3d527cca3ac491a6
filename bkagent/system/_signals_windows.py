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
    from typing import Callable, List

CAN_DIE = False
_NAMES = {0: "SIGINT", 1: "SIGINT"}  # Ctrl+C and Ctrl+Break, by the numbers of their events
_NAME_OF_OTHERS = "SIGTERM"
_LOGOFF = 5
_CLOSINGS = (2, _LOGOFF, 6)  # the console's window is closed, a log-off, a shutdown

_kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
_HANDLER = ctypes.WINFUNCTYPE(wintypes.BOOL, wintypes.DWORD)
_kernel32.SetConsoleCtrlHandler.argtypes = (_HANDLER, wintypes.BOOL)
_kernel32.ProcessIdToSessionId.argtypes = (wintypes.DWORD, ctypes.POINTER(wintypes.DWORD))
_handlers: "List[object]" = []  # live as long as the process, since the system calls them


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

    def obey(number: int) -> bool:
        if number == _LOGOFF and _is_in_session_of_services():
            return True
        is_first = call_once(_NAMES.get(number, _NAME_OF_OTHERS))
        if number in _CLOSINGS:
            _wait_for_own_end()  # else the system ends the process as soon as this returns
        return is_first  # False has the system end the process

    _add_handler(obey)
    try:
        event = _end_event_windows.make(os.getpid())
    except OSError:
        return  # it can be killed, not asked
    arguments = (event, lambda: call_once(_NAME_OF_OTHERS))
    threading.Thread(target=_end_event_windows.wait, args=arguments, name="end-event", daemon=True).start()


def heard() -> str:
    """Return "": no process of Windows ends by a signal."""
    return ""


def outlive_logoffs() -> None:
    """Ignore log-offs in a process that belongs to no user's session."""
    _add_handler(lambda number: number == _LOGOFF and _is_in_session_of_services())


def unblock() -> None:
    """Do nothing: no process of Windows blocks a signal."""


def die_by(name: str) -> None:
    """Do nothing: a process of Windows ends by its exit status alone."""


def _add_handler(handler: "Callable[[int], bool]") -> None:
    """Have the system call it before those that were added earlier."""
    called = _HANDLER(handler)
    _handlers.append(called)
    _kernel32.SetConsoleCtrlHandler(called, True)


def _is_in_session_of_services() -> bool:
    """Say whether this process is where services run: they are told of each user's log-off, which does not end them."""
    session = wintypes.DWORD()
    return bool(_kernel32.ProcessIdToSessionId(os.getpid(), ctypes.byref(session))) and not session.value


def _wait_for_own_end() -> None:
    """Do not return: the process ends first, by itself or by the system, which waits for five seconds."""
    threading.Event().wait()
