"""A log as groups of lines that open and close, without any script."""

from __future__ import annotations

from typing import Iterable, List, Optional, Tuple

from bkagent.controlplane.web.ui import words
from bkagent.controlplane.web.ui.emoji import with_emoji
from bkagent.controlplane.web.ui.markup import NOTHING, Html, fill, join
from bkagent.controlplane.web.ui.terminal.lines import LogLine

# More than this is not shown, as on Buildkite's own pages; the whole log is one click away.
SHOWN_BYTES = 2 * 1024 * 1024
SHOWN_LINES = 50_000


class _Group:
    """One group under way: its heading, whether it is open, and the lines of it."""

    def __init__(self, marker: str, heading: Html, time_ms: Optional[int]) -> None:
        self.marker, self.heading, self.time_ms = marker, heading, time_ms
        self.open = marker == "+"
        self.lines: List[Html] = []

    def end(self, time_ms: Optional[int]) -> None:
        """Note when the next group began: then this one's time is known."""
        if self.time_ms is not None and time_ms is not None and time_ms >= self.time_ms:
            took = words.duration((time_ms - self.time_ms) / 1000)
            self.heading = Html(self.heading + fill('<span class="took">{took}</span>', took=took))

    def html(self) -> Html:
        """Return the group as an element that opens and closes."""
        return fill(
            "<details{kind}{open}>{heading}</summary>\n{lines}</details>",
            kind=Html(' class="muted"') if self.marker == "~" else NOTHING,
            open=Html(" open") if self.open else NOTHING, heading=self.heading, lines=join(self.lines),
        )  # fmt: skip


def cut(log_size: int) -> int:
    """Return from which byte on a log of this size is shown."""
    return max(0, log_size - SHOWN_BYTES)


def whole_lines(log: bytes, start: int) -> Tuple[bytes, int]:
    """Return a log cut at byte `start` without the rest of the line that was cut, and where it begins now.

    Of many lines the last SHOWN_LINES stay: each costs as much as a line of text, also where it is empty.
    """
    skipped = log.find(b"\n", 0, 64 * 1024) + 1 if start else 0
    if log.count(b"\n", skipped) > SHOWN_LINES:
        skipped = len(log) - sum(len(line) + 1 for line in log.split(b"\n")[-SHOWN_LINES - 1 :]) + 1
    return log[skipped:], start + skipped


def log_view(lines: Iterable[LogLine], *, live: bool) -> Html:
    """Return the log. Without a group that the job opened, the last one is open; while `live`, always."""
    before: List[Html] = []
    groups: List[_Group] = []
    for number, line in enumerate(lines, 1):
        if line.marker in ("", "^"):
            (groups[-1].lines if groups else before).append(_line(number, line))
            if line.marker and groups:
                groups[-1].open = True
            continue
        if groups:
            groups[-1].end(line.time_ms)
        title = Html(with_emoji(line.html))
        heading = fill('<summary class="line" id="L{number}">{text}', number=number, text=title)
        groups.append(_Group(line.marker, heading, line.time_ms))
    if groups and (live or not any(group.open for group in groups)):
        plain = [group for group in groups if group.marker != "~"]
        (plain or groups)[-1].open = True
    return join([*before, *(group.html() for group in groups)])


def _line(number: int, line: LogLine) -> Html:
    hidden = Html(" hidden") if line.marker else NOTHING
    template = '<div class="line" id="L{number}"{hidden}>{text}</div>'
    return fill(template, number=number, hidden=hidden, text=Html(line.html))
