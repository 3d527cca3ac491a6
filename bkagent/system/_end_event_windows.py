"""The event by which a process of ours is asked to end, whichever session and console the asker has.

It is named after the process and the moment it began. Events have one name space for all users, so the process makes
it and does not use one that exists; who may signal it says the access list that Windows gives it: this user and
administrators.
"""

import ctypes
import sys
from ctypes import wintypes

assert sys.platform == "win32"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

_ALREADY_EXISTS = 183
_MODIFY, _QUERY = 0x2, 0x1000
_INFINITE = 0xFFFFFFFF
_SIGNALLED = 0

_kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
_kernel32.CreateEventW.argtypes = (ctypes.c_void_p, wintypes.BOOL, wintypes.BOOL, wintypes.LPCWSTR)
_kernel32.CreateEventW.restype = wintypes.HANDLE
_kernel32.OpenEventW.argtypes = (wintypes.DWORD, wintypes.BOOL, wintypes.LPCWSTR)
_kernel32.OpenEventW.restype = wintypes.HANDLE
_kernel32.SetEvent.argtypes = (wintypes.HANDLE,)
_kernel32.WaitForSingleObject.argtypes = (wintypes.HANDLE, wintypes.DWORD)
_kernel32.OpenProcess.argtypes = (wintypes.DWORD, wintypes.BOOL, wintypes.DWORD)
_kernel32.OpenProcess.restype = wintypes.HANDLE
_kernel32.GetProcessTimes.argtypes = (wintypes.HANDLE, *[ctypes.c_void_p] * 4)
_kernel32.CloseHandle.argtypes = (wintypes.HANDLE,)


def make(pid: int) -> int:
    """Return the handle of the event of this process, whose id is `pid`. Raises OSError where it cannot be made."""
    handle = _kernel32.CreateEventW(None, True, False, _name(pid))
    problem = ctypes.get_last_error()
    if handle and problem == _ALREADY_EXISTS:
        _kernel32.CloseHandle(handle)
        handle = None
    if not handle:
        raise ctypes.WinError(problem)
    return int(handle)


def wait(handle: int, then: "Callable[[], None]") -> None:
    """Sleep until the event is signalled, then call `then`."""
    if _kernel32.WaitForSingleObject(handle, _INFINITE) == _SIGNALLED:
        then()


def signal(pid: int) -> None:
    """Signal the event of a process, if it has one."""
    handle = _kernel32.OpenEventW(_MODIFY, False, _name(pid))
    if handle:
        _kernel32.SetEvent(handle)
        _kernel32.CloseHandle(handle)


def _name(pid: int) -> str:
    """Return the name that no earlier process with this id had."""
    times = (ctypes.c_uint64 * 4)()
    references = [ctypes.byref(times, at * ctypes.sizeof(ctypes.c_uint64)) for at in range(len(times))]
    process = _kernel32.OpenProcess(_QUERY, False, pid)
    if process:
        _kernel32.GetProcessTimes(process, *references)
        _kernel32.CloseHandle(process)
    return f"Global\\bkagent-end-{pid}-{times[0]}"
