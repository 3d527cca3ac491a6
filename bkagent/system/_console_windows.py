"""The console on Windows; see `console`."""

import ctypes
import sys

assert sys.platform == "win32"

_UTF8 = 65001


def use_utf8() -> None:
    """See `console`. Does nothing in a process without a console."""
    kernel32 = ctypes.WinDLL("kernel32")
    kernel32.SetConsoleCP(_UTF8)
    kernel32.SetConsoleOutputCP(_UTF8)
