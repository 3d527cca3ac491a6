"""Job objects: groups of processes that the system keeps itself, so that a whole tree can be ended in one step.

What a process in a job object starts is in it too, whatever becomes of its parent. A process may be in several, one
inside another, since Windows 8. Source: https://learn.microsoft.com/windows/win32/procthread/nested-jobs.
"""

import ctypes
import sys
import threading
from ctypes import wintypes

assert sys.platform == "win32"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List

_PROCESS_IDS, _EXTENDED_LIMITS = 3, 9
_KILL_ON_CLOSE = 0x2000
_MOST_LISTED = 4096


class _BasicLimits(ctypes.Structure):
    _fields_ = [
        ("process_time_limit", ctypes.c_int64),
        ("job_time_limit", ctypes.c_int64),
        ("flags", wintypes.DWORD),
        ("smallest_working_set", ctypes.c_size_t),
        ("largest_working_set", ctypes.c_size_t),
        ("most_processes", wintypes.DWORD),
        ("affinity", ctypes.c_size_t),
        ("priority_class", wintypes.DWORD),
        ("scheduling_class", wintypes.DWORD),
    ]


class _ExtendedLimits(ctypes.Structure):
    _fields_ = [("basic", _BasicLimits), ("io_counters", ctypes.c_uint64 * 6), ("memory", ctypes.c_size_t * 4)]


class _ProcessIds(ctypes.Structure):
    _fields_ = [
        ("assigned_count", wintypes.DWORD),
        ("listed_count", wintypes.DWORD),
        ("ids", ctypes.c_size_t * _MOST_LISTED),
    ]


_kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
_kernel32.CreateJobObjectW.argtypes = (ctypes.c_void_p, wintypes.LPCWSTR)
_kernel32.CreateJobObjectW.restype = wintypes.HANDLE
_kernel32.AssignProcessToJobObject.argtypes = (wintypes.HANDLE, wintypes.HANDLE)
_kernel32.SetInformationJobObject.argtypes = (wintypes.HANDLE, ctypes.c_int, ctypes.c_void_p, wintypes.DWORD)
_kernel32.QueryInformationJobObject.argtypes = (
    wintypes.HANDLE, ctypes.c_int, ctypes.c_void_p, wintypes.DWORD, ctypes.c_void_p,
)  # fmt: skip
_kernel32.TerminateJobObject.argtypes = (wintypes.HANDLE, wintypes.UINT)
_kernel32.GetCurrentProcess.restype = wintypes.HANDLE
_kernel32.CloseHandle.argtypes = (wintypes.HANDLE,)


class JobObject:
    """One job object, empty at first. Thread-safe. Making one raises OSError."""

    def __init__(self) -> None:
        self._handle = _kernel32.CreateJobObjectW(None, None)
        self._lock = threading.Lock()
        if not self._handle:
            raise ctypes.WinError(ctypes.get_last_error())

    def assign(self, process_handle: int) -> None:
        """Put a process into it, with what that starts from now on. Raises OSError, as on Windows 7 for a second."""
        _check(_kernel32.AssignProcessToJobObject(self._handle, process_handle))

    def assign_self(self) -> None:
        """Put this process into it, with what it starts from now on. Raises OSError."""
        self.assign(_kernel32.GetCurrentProcess())

    def end_with_last_handle(self, does: bool) -> None:
        """Say whether its processes end with the last handle to it, which a killed process closes. Raises OSError."""
        limits = _ExtendedLimits()
        limits.basic.flags = _KILL_ON_CLOSE if does else 0
        _check(
            _kernel32.SetInformationJobObject(
                self._handle, _EXTENDED_LIMITS, ctypes.byref(limits), ctypes.sizeof(limits)
            )
        )

    def pids(self) -> "List[int]":
        """Return the ids of the processes in it that run, at most 4,096; none where the system does not say."""
        listed = _ProcessIds()
        # It fails where there are more, having listed what there is room for.
        _kernel32.QueryInformationJobObject(
            self._handle, _PROCESS_IDS, ctypes.byref(listed), ctypes.sizeof(listed), None
        )
        return [int(pid) for pid in listed.ids[: listed.listed_count]]

    def terminate(self, status: int) -> None:
        """End every process in it, with this exit status. Does nothing after `close`."""
        with self._lock:
            if self._handle:
                _kernel32.TerminateJobObject(self._handle, status)

    def close(self) -> None:
        """Let go of it; its processes run on unless `end_with_last_handle` says otherwise."""
        with self._lock:
            if self._handle:
                _kernel32.CloseHandle(self._handle)
                self._handle = None


def _check(worked: int) -> None:
    if not worked:
        raise ctypes.WinError(ctypes.get_last_error())
