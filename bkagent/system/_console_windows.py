"""The console on Windows; see `console`."""

import ctypes
import msvcrt
import sys

assert sys.platform == "win32"

_UTF8 = 65001
_ENABLE_VIRTUAL_TERMINAL_PROCESSING = 0x0004


def use_utf8() -> None:
    """See `console`. Does nothing in a process without a console."""
    kernel32 = ctypes.WinDLL("kernel32")
    kernel32.SetConsoleCP(_UTF8)
    kernel32.SetConsoleOutputCP(_UTF8)


def takes_escapes(descriptor: int) -> bool:
    """See `console`."""
    kernel32 = ctypes.WinDLL("kernel32")
    handle, mode = ctypes.c_void_p(msvcrt.get_osfhandle(descriptor)), ctypes.c_uint32()
    if not kernel32.GetConsoleMode(handle, ctypes.byref(mode)):
        return False
    return bool(kernel32.SetConsoleMode(handle, mode.value | _ENABLE_VIRTUAL_TERMINAL_PROCESSING))
