"""Signal the process of a job, on Windows.

A job's process has a console of its own, where no Ctrl+Break of ours arrives; so it waits for a named event, see
`_signals_windows`. With it the system ends all that it started, see `_descendants_windows`.
"""

import ctypes
import sys
from ctypes import wintypes

from bkagent.system import _end_event_windows

assert sys.platform == "win32"

_TERMINATE = 0x1
_KILLED_STATUS = 1

_kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
_kernel32.OpenProcess.argtypes = (wintypes.DWORD, wintypes.BOOL, wintypes.DWORD)
_kernel32.OpenProcess.restype = wintypes.HANDLE
_kernel32.TerminateProcess.argtypes = (wintypes.HANDLE, wintypes.UINT)
_kernel32.CloseHandle.argtypes = (wintypes.HANDLE,)


def ask_to_end(pid: int, name: str) -> None:
    """Ask `pid` alone, whatever the signal: what it started is asked by it."""
    _end_event_windows.signal(pid)


def kill(pid: int) -> None:
    """End `pid`, and by that all of its job."""
    handle = _kernel32.OpenProcess(_TERMINATE, False, pid)
    if handle:
        _kernel32.TerminateProcess(handle, _KILLED_STATUS)
        _kernel32.CloseHandle(handle)
