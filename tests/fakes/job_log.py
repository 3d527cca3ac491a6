"""A job's log that is kept in memory."""

from typing import List

_COLOURS = ("\x1b[90m", "\x1b[31m", "\x1b[33m", "\x1b[0m")


class RecordedJobLog:
    """Takes what a `LogLines` writes: what processes print, and lines of our own."""

    def __init__(self) -> None:
        self.bytes = b""

    def child(self, data: bytes) -> None:
        self.bytes += data

    def line(self, text: str, before: str = "", after: str = "", as_it_is: bool = False) -> None:
        self.bytes += (before + text + after).encode("utf-8", "surrogateescape") + b"\n"

    def flush(self) -> None:
        pass

    @property
    def text(self) -> str:
        """All of it, without colours and carriage returns."""
        text = self.bytes.decode("utf-8", "surrogateescape").replace("\r\n", "\n")
        for code in _COLOURS:
            text = text.replace(code, "")
        return text

    @property
    def lines(self) -> List[str]:
        return self.text.splitlines()

    @property
    def prompts(self) -> List[str]:
        """The commands that are shown, and the comments."""
        return [line for line in self.lines if line[:2] in ("# ", "$ ")]

    @property
    def own(self) -> List[str]:
        """The agent's own lines: prompts, comments, headers, warnings."""
        return [line for line in self.lines if line[:2] in ("# ", "$ ", "~~") or "Warning" in line or "Error" in line]
