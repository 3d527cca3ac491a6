"""Windows' Application event log; the promise is in event_log.py.

Windows takes the text of an event from a table in a program file. EventCreate.exe, a part of Windows, has one in which
each event of 1 to 1000 is the text that comes with it.
"""

import ctypes
import sys

assert sys.platform == "win32"

import winreg  # noqa: E402
from ctypes import wintypes  # noqa: E402

from bkagent.system.service._advapi_windows import declare  # noqa: E402
from bkagent.system.service.service_types import ServiceError  # noqa: E402

_SOURCES = r"SYSTEM\CurrentControlSet\Services\EventLog\Application" + "\\"
_TABLE = r"%SystemRoot%\System32\EventCreate.exe"
_ALL_TYPES = 7
_ACCESS_DENIED = 5
_LONGEST_CHARACTERS = 31000  # a string of an event may have 31,839

_register_source = declare("RegisterEventSourceW", wintypes.LPCWSTR, wintypes.LPCWSTR, returns=wintypes.HANDLE)
_report = declare(
    "ReportEventW", wintypes.HANDLE, wintypes.WORD, wintypes.WORD, wintypes.DWORD, ctypes.c_void_p, wintypes.WORD,
    wintypes.DWORD, ctypes.POINTER(wintypes.LPCWSTR), ctypes.c_void_p,
)  # fmt: skip


def register(source: str) -> None:
    """Write the source's key."""
    try:
        with winreg.CreateKeyEx(winreg.HKEY_LOCAL_MACHINE, _SOURCES + source, 0, winreg.KEY_WRITE) as key:
            winreg.SetValueEx(key, "EventMessageFile", 0, winreg.REG_EXPAND_SZ, _TABLE)
            winreg.SetValueEx(key, "TypesSupported", 0, winreg.REG_DWORD, _ALL_TYPES)
    except OSError as error:
        raise ServiceError(error.winerror or _ACCESS_DENIED, str(error.strerror)) from None


def unregister(source: str) -> None:
    """Delete the source's key."""
    try:
        winreg.DeleteKey(winreg.HKEY_LOCAL_MACHINE, _SOURCES + source)
    except OSError:
        pass


class EventLog:
    """Writes under the name of a source."""

    def __init__(self, source: str) -> None:
        try:
            self._handle = _register_source(None, source)
        except ServiceError:
            self._handle = 0

    def write(self, kind: int, event_id: int, text: str) -> None:
        """Add an event."""
        strings = (wintypes.LPCWSTR * 1)(text[:_LONGEST_CHARACTERS])
        try:
            _report(self._handle, kind, 0, event_id, None, 1, 0, strings, None)
        except ServiceError:
            pass
