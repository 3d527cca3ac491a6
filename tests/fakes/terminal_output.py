"""What a command prints on a terminal of a given width."""

import contextlib
import os
import struct
import subprocess
from typing import Dict, List, Sequence

import pytest


def lines_on_terminal(
    command: Sequence[str], environ: Dict[str, str], columns: int, lines_count: int = 24
) -> List[str]:
    """Run a command with its standard output on a terminal; return the lines there. Skips where there are none."""
    fcntl, pty, termios = (pytest.importorskip(name) for name in ("fcntl", "pty", "termios"))
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines_count, columns, 0, 0))
    child = subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL, stdout=theirs)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # the end of a terminal is an error on Linux
        while True:
            piece = os.read(ours, 65536)
            if not piece:
                break
            shown += piece
    os.close(ours)
    assert child.wait(timeout=60) == 0
    return shown.decode().replace("\r\n", "\n").split("\n")
