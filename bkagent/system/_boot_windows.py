"""The moment at which Windows started; the promise is in boot.py.

Windows moves that moment whenever the clock is set, and says by how much in all, so the difference stays. Source:
KeSetSystemTime of ReactOS, https://github.com/reactos/reactos/blob/master/ntoskrnl/ke/clock.c
"""

import ctypes
import sys

assert sys.platform == "win32"

_TIME_OF_DAY = 3  # SystemTimeOfDayInformation

_ntdll = ctypes.WinDLL("ntdll")
_ntdll.NtQuerySystemInformation.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_void_p)
_ntdll.NtQuerySystemInformation.restype = ctypes.c_ulong


class _TimeOfDay(ctypes.Structure):
    _fields_ = [
        ("boot_time", ctypes.c_int64), ("now", ctypes.c_int64), ("zone_bias", ctypes.c_int64),
        ("zone", ctypes.c_ulong), ("reserved", ctypes.c_ulong), ("boot_time_bias", ctypes.c_int64),
        ("sleep_time_bias", ctypes.c_int64),
    ]  # fmt: skip


def boot_id() -> str:
    """Return the moment in units of 100 ns, as hexadecimal digits; "" where the system does not tell."""
    times = _TimeOfDay()
    size_bytes = ctypes.sizeof(times)
    if _ntdll.NtQuerySystemInformation(_TIME_OF_DAY, ctypes.byref(times), size_bytes, None) or not times.boot_time:
        return ""
    return f"{times.boot_time - times.boot_time_bias:x}"
