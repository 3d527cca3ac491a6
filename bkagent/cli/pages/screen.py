"""A terminal's whole screen that shows lines which change, until it is given back as it was."""

from __future__ import annotations

import os
import signal
import sys
from typing import Sequence, TextIO

from bkagent.cli.pages import text_width

# A screen of its own leaves what the terminal showed before. Source: xterm's control sequences, private modes.
_TAKE, _GIVE_BACK = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
_HOME, _LINE_END, _REST = "\x1b[H", "\x1b[K", "\x1b[J"
_USUAL = os.terminal_size((80, 24))
_ENDING = ("SIGTERM", "SIGHUP")


class TakenScreen:
    """The screen of the terminal `out`, between `take` and `give_back`. Use it on the main thread."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def take(self) -> None:
        """Take the screen; signals that end or stop the process give it back first."""
        for name in _ENDING:  # an interrupt raises by itself
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), _exit)
        if hasattr(signal, "SIGTSTP"):
            signal.signal(signal.SIGTSTP, self._suspend)
        self._write(_TAKE)

    def give_back(self) -> None:
        """Show what was there before."""
        if hasattr(signal, "SIGTSTP"):
            signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        self._write(_GIVE_BACK)

    def size(self) -> os.terminal_size:
        """Return the columns and lines that it has at this moment."""
        try:
            size = os.get_terminal_size(self._out.fileno())
        except (OSError, ValueError):
            return _USUAL
        return size if size.columns and size.lines else _USUAL

    def show(self, lines: Sequence[str]) -> None:
        """Show these lines in place of those before, each cut to the width; no more than there are lines."""
        columns, lines_count = self.size()
        shown = [text_width.cut(line, columns) + _LINE_END for line in lines[:lines_count]]
        self._write(_HOME + "\n".join(shown) + _REST)

    def _suspend(self, number: int, frame: object) -> None:
        """Give the screen back while the process is stopped by the user, and take it again."""
        self._write(_GIVE_BACK)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        signal.signal(number, self._suspend)
        self._write(_TAKE)

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def _exit(number: int, frame: object) -> None:
    sys.exit(128 + number)
