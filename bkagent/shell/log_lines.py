"""The lines that the agent itself writes into a job's log, in the forms that the web page knows."""

from __future__ import annotations

import time
from typing import Collection, Protocol

from bkagent.shell import prompt

_GREY, _RED, _YELLOW, _END = "\x1b[90m", "\x1b[31m", "\x1b[33m", "\x1b[0m"
OPEN_GROUP = "^^^ +++"


class LogSink(Protocol):
    """A sink for a job's log. Redacts and stamps on the way. All methods are thread-safe."""

    def child(self, data: bytes) -> None:
        """Take what a process printed."""
        ...

    def line(self, text: str, before: str = "", after: str = "", *, as_it_is: bool = False) -> None:
        """Take one line of the agent's own, without its end, and its emphasis. It starts at the start of a line.

        Control characters of `text` are escaped, unless it is to stay `as_it_is`.
        """
        ...

    def flush(self) -> None:
        """Write what is held back as the possible beginning of a secret."""
        ...


class LogLines:
    """Writes lines to a job's log. Warnings whose id is in `disabled_warnings` are printed without emphasis."""

    def __init__(self, sink: LogSink, *, is_debug: bool = False, disabled_warnings: Collection[str] = ()) -> None:
        self._sink, self._disabled = sink, frozenset(disabled_warnings)
        self.is_debug = is_debug
        self.child = sink.child
        self.flush = sink.flush

    def plain(self, text: str) -> None:
        """Write a text without emphasis."""
        self._sink.line(text)

    def header(self, text: str) -> None:
        """Begin a group, collapsed."""
        self._sink.line(text, "~~~ ")

    def open_group(self) -> None:
        """Show the current group expanded."""
        self._sink.line(OPEN_GROUP)

    def comment(self, text: str) -> None:
        """Write a remark."""
        self._sink.line(text, f"{_GREY}# ", _END)

    def debug(self, text: str) -> None:
        """Write a remark, where debugging was asked for."""
        if self.is_debug:
            self.comment(text)

    def report(self, level: str, text: str) -> None:
        """Write a message in the form of the agent's own; one of level debug where debugging was asked for."""
        if level != "debug" or self.is_debug:
            self.plain(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {level.upper():<6} {text}")

    def prompt(self, text: str) -> None:
        """Show a command that is about to run."""
        self._sink.line(text, f"{_GREY}{prompt.SIGN}{_END} ", as_it_is=True)

    def warning(self, text: str, id: str = "") -> None:
        """Write a warning and expand the group. One with an id says how to silence it."""
        if id in self._disabled:
            self._sink.line(text)
            return
        if id:
            text += f". You can disable this warning by passing the `--disable-warnings-for {id}` flag"
        self._sink.line(text, f"{_YELLOW}⚠️ Warning: ", _END)
        self._sink.line(OPEN_GROUP)

    def error(self, text: str) -> None:
        """Write an error and expand the group."""
        self._sink.line(text, f"{_RED}🚨 Error: ", _END)
        self._sink.line(OPEN_GROUP)
