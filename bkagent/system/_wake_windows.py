"""A bell as a named event; the promises are in wake.py.

The file holds the event's name, a random one: events live in one name space for all users, and a name that can be
guessed can be taken by another user first. An event exists while a process has it open, so the ringer and the
listener each open or make it.
"""

import ctypes
import os
import sys
from ctypes import wintypes
from typing import Optional

assert sys.platform == "win32"

_INFINITE = 0xFFFFFFFF
_SIGNALLED = 0

_kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
_kernel32.CreateEventW.argtypes = (ctypes.c_void_p, wintypes.BOOL, wintypes.BOOL, wintypes.LPCWSTR)
_kernel32.CreateEventW.restype = wintypes.HANDLE
_kernel32.SetEvent.argtypes = (wintypes.HANDLE,)
_kernel32.WaitForSingleObject.argtypes = (wintypes.HANDLE, wintypes.DWORD)
_kernel32.WaitForSingleObject.restype = wintypes.DWORD
_kernel32.CloseHandle.argtypes = (wintypes.HANDLE,)


def make(path: str) -> None:
    """Write a new name into the file."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(fd, b"bkagent-" + os.urandom(16).hex().encode())
    finally:
        os.close(fd)


class Ringer:
    """Opens the event. It resets itself when a wait has seen it."""

    def __init__(self, path: str) -> None:
        with open(path, encoding="ascii") as file:
            name = file.read(100).strip()
        self._event = _kernel32.CreateEventW(None, False, False, "Global\\" + name)
        if not self._event:
            raise ctypes.WinError(ctypes.get_last_error())

    def ring(self) -> None:
        _kernel32.SetEvent(self._event)

    def close(self) -> None:
        if self._event:
            _kernel32.CloseHandle(self._event)
            self._event = None


class Listener(Ringer):
    """Waits for the event."""

    def wait(self, timeout_s: Optional[float] = None) -> bool:
        limit_ms = _INFINITE if timeout_s is None else max(0, int(timeout_s * 1000) + 1)
        return bool(_kernel32.WaitForSingleObject(self._event, limit_ms) == _SIGNALLED)
