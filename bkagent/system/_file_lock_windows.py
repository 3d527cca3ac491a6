"""File locks by LockFileEx; the promises are in file_lock.py.

Not by msvcrt.locking: it cannot share, and its waiting form gives up after ten seconds. The locked byte lies far
behind the end of any file, because Windows keeps others from reading what is locked.
"""

import ctypes
import msvcrt
import sys
from ctypes import wintypes

assert sys.platform == "win32"

_FAIL_IMMEDIATELY = 1
_EXCLUSIVE = 2
_LOCK_VIOLATION = 33
_IO_PENDING = 997
_FAR = 0x7FFFFFFF  # the high half of the offset


class _Overlapped(ctypes.Structure):
    _fields_ = [
        ("internal", ctypes.c_void_p),
        ("internal_high", ctypes.c_void_p),
        ("offset", wintypes.DWORD),
        ("offset_high", wintypes.DWORD),
        ("event", wintypes.HANDLE),
    ]


_kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
_kernel32.LockFileEx.argtypes = (
    wintypes.HANDLE,
    wintypes.DWORD,
    wintypes.DWORD,
    wintypes.DWORD,
    wintypes.DWORD,
    ctypes.POINTER(_Overlapped),
)
_kernel32.LockFileEx.restype = wintypes.BOOL


def _take(fd: int, flags: int) -> bool:
    handle = msvcrt.get_osfhandle(fd)
    overlapped = _Overlapped(offset_high=_FAR)
    if _kernel32.LockFileEx(handle, flags, 0, 1, 0, ctypes.byref(overlapped)):
        return True
    code = ctypes.get_last_error()
    if code in (_LOCK_VIOLATION, _IO_PENDING):
        return False
    raise ctypes.WinError(code)


def try_lock(fd: int) -> bool:
    """Take the exclusive lock if it is free."""
    return _take(fd, _EXCLUSIVE | _FAIL_IMMEDIATELY)


def try_lock_shared(fd: int) -> bool:
    """Take a shared lock if the exclusive lock is free."""
    return _take(fd, _FAIL_IMMEDIATELY)


def lock(fd: int) -> None:
    """Wait for the exclusive lock."""
    _take(fd, _EXCLUSIVE)


def wait_shared(fd: int) -> None:
    """Wait for a shared lock."""
    _take(fd, 0)
