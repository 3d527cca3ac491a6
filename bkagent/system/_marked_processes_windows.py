"""Processes on Windows, which shows nobody's environment; those of a job are known by `descendants`."""

import ctypes
import sys
from ctypes import wintypes

assert sys.platform == "win32"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Optional

_TERMINATE, _QUERY = 0x1, 0x1000
_COMMAND_LINE = 60  # ProcessCommandLineInformation, since Windows 8.1
_LONGEST_BYTES = 65536 + 64  # a UNICODE_STRING and its text
_LONGEST_PATH = 32768
_ENDED_STATUS = 1

_kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
_kernel32.OpenProcess.argtypes = (wintypes.DWORD, wintypes.BOOL, wintypes.DWORD)
_kernel32.OpenProcess.restype = wintypes.HANDLE
_kernel32.CloseHandle.argtypes = (wintypes.HANDLE,)
_kernel32.TerminateProcess.argtypes = (wintypes.HANDLE, wintypes.UINT)
_kernel32.GetProcessTimes.argtypes = (wintypes.HANDLE, *[ctypes.c_void_p] * 4)
_kernel32.QueryFullProcessImageNameW.argtypes = (
    wintypes.HANDLE, wintypes.DWORD, wintypes.LPWSTR, ctypes.POINTER(wintypes.DWORD),
)  # fmt: skip
_ntdll = ctypes.WinDLL("ntdll")
_ntdll.NtQueryInformationProcess.argtypes = (
    wintypes.HANDLE, ctypes.c_int, ctypes.c_void_p, wintypes.ULONG, ctypes.c_void_p,
)  # fmt: skip


class _UnicodeString(ctypes.Structure):
    _fields_ = [("length_bytes", wintypes.USHORT), ("size_bytes", wintypes.USHORT), ("text", ctypes.c_void_p)]


class Marked:
    """A process that was found: its number, when it began, and the line it was started with, or its program."""

    __slots__ = ("began", "command_line", "pid", "program_name")

    def __init__(self, pid: int, began: int, program: str, command_line: str) -> None:
        self.pid, self.began = pid, began
        self.program_name = program.rpartition("\\")[2].lower().encode("utf-8", "replace")
        self.command_line = (command_line or program).encode("utf-8", "replace")


def moment() -> int:
    """Return nothing of use."""
    return 0


def find(mark: bytes, since: int) -> "List[Marked]":
    """Find nothing."""
    return []


def look_at(pid: int) -> "Optional[Marked]":
    """Return a process that runs; None for one that is gone, or not ours to look at."""
    handle = _kernel32.OpenProcess(_QUERY, False, pid)
    if not handle:
        return None
    try:
        return Marked(pid, _began(handle), _program(handle), _command_line(handle))
    finally:
        _kernel32.CloseHandle(handle)


def end(marked: Marked, name: str) -> None:
    """End a process by force, whatever the signal's name; one that is gone, or another by now, is left alone."""
    handle = _kernel32.OpenProcess(_QUERY | _TERMINATE, False, marked.pid)
    if not handle:
        return
    try:
        if _began(handle) == marked.began:
            _kernel32.TerminateProcess(handle, _ENDED_STATUS)
    finally:
        _kernel32.CloseHandle(handle)


def _began(handle: int) -> int:
    times = (ctypes.c_uint64 * 4)()
    references = [ctypes.byref(times, at * ctypes.sizeof(ctypes.c_uint64)) for at in range(len(times))]
    return int(times[0]) if _kernel32.GetProcessTimes(handle, *references) else 0


def _program(handle: int) -> str:
    length = wintypes.DWORD(_LONGEST_PATH)
    path = ctypes.create_unicode_buffer(_LONGEST_PATH)
    return path.value if _kernel32.QueryFullProcessImageNameW(handle, 0, path, ctypes.byref(length)) else ""


def _command_line(handle: int) -> str:
    answer = ctypes.create_string_buffer(_LONGEST_BYTES)
    if _ntdll.NtQueryInformationProcess(handle, _COMMAND_LINE, answer, _LONGEST_BYTES, None) != 0:
        return ""
    text = _UnicodeString.from_buffer(answer)
    return ctypes.wstring_at(text.text, text.length_bytes // 2) if text.text else ""
