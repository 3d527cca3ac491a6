"""Pairs of pseudo-terminals, one end for a job's process and one for us."""

import fcntl
import os
import struct
import sys
import termios

assert sys.platform != "win32"

# The size the reference gives, so that programs wrap their lines alike.
ROWS, COLUMNS = 100, 160


def open_pair(raw: bool = False) -> "tuple[int, int]":
    """Return (our end, the process's end) of a new terminal; `raw` for one that changes no byte."""
    our_fd, process_fd = os.openpty()
    fcntl.ioctl(process_fd, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    if raw:
        import tty

        tty.setraw(process_fd)
    return our_fd, process_fd


def take(fd: int) -> None:
    """Make a terminal the controlling one of the session that this process leads."""
    fcntl.ioctl(fd, termios.TIOCSCTTY, 0)
