"""The lines of a screen as safe HTML, with the group markers that logs carry."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Iterator, List, Optional

from bkagent.controlplane.web.ui.terminal.interpreter import Interpreter
from bkagent.controlplane.web.ui.terminal.screen import Row, Run
from bkagent.controlplane.web.ui.terminal.style import PLAIN
from bkagent.markdown import characters
from bkagent.wire.timestamps import rfc3339

_MARKERS = {"--- ": "-", "+++ ": "+", "~~~ ": "~"}


@dataclass(frozen=True)
class LogLine:
    """One line. `html` is safe to put into a page; `time_ms` is when it was printed, None if unknown.

    marker   "-" a group, "+" an open one, "~" a muted one, "^" opens the group before, "" a plain line
    """

    html: str
    text: str
    marker: str
    time_ms: Optional[int]


def read_lines(log: bytes) -> List[LogLine]:
    """Return the lines of a whole log. A newline at its end makes no line of its own."""
    interpreter = Interpreter()
    interpreter.feed(log)
    lines = list(lines_of(interpreter.screen.rows))
    while len(lines) > 1 and not lines[-1].text and lines[-1].time_ms is None:
        lines.pop()
    return lines


def lines_of(rows: List[Row]) -> Iterator[LogLine]:
    """Yield the lines that `rows` make; the first row begins one."""
    runs: List[Run] = []
    time_ms: Optional[int] = None
    for row in rows:
        if not runs and not row.continues:
            yield _line(row.runs, row.time_ms if time_ms is None else time_ms)
            time_ms = None
            continue
        runs += row.runs
        time_ms = row.time_ms if time_ms is None else time_ms
        if not row.continues:
            yield _line(runs, time_ms)
            runs, time_ms = [], None
    if runs:
        yield _line(runs, time_ms)


def log_html(log: bytes) -> str:
    """Return a log as the REST API shows it: a line each, its time in front where it is known."""
    pieces = []
    for line in read_lines(log):
        stamp = time_text(line.time_ms)
        pieces.append((f'<time datetime="{stamp}">{stamp}</time>' if stamp else "") + line.html)
    return "\n".join(pieces)


def time_text(time_ms: Optional[int]) -> str:
    """Return a moment as RFC 3339 with milliseconds, "" for None."""
    if time_ms is None:
        return ""
    try:
        return rfc3339(time_ms * 1_000_000, 3)
    except (ValueError, OverflowError, OSError):
        return ""


def escaped(text: str) -> str:
    """Return text for a page, safe inside elements and quoted attributes."""
    return characters.escaped(text).replace("/", "&#47;")


def _line(runs: List[Run], time_ms: Optional[int]) -> LogLine:
    text = "".join(text for _, text in runs).rstrip()
    if not text:
        return LogLine("&nbsp;", "", "", time_ms)
    html = escaped(text) if len(runs) == 1 and runs[0][0] == PLAIN else _elements(runs, len(text))
    marker = "^" if text.startswith("^^^ +++") else _MARKERS.get(text[:4], "")
    return LogLine(html, text, marker, time_ms)


def _elements(runs: List[Run], left_count: int) -> str:
    """Return the first `left_count` characters of runs: a link each as long as it goes on, styles in it."""
    pieces = []
    for link, linked in groupby(runs, lambda run: run[0].link):
        html = ""
        for style, same in groupby(linked, lambda run: run[0]):
            piece = "".join(part for _, part in same)[:left_count]
            left_count -= len(piece)
            html += _styled(piece, style.classes)
        if html and link:
            html = f'<a href="{characters.escaped(link)}" rel="noopener noreferrer nofollow">{html}</a>'
        pieces.append(html)
    return "".join(pieces)


def _styled(text: str, classes: str) -> str:
    return f'<span class="{classes}">{escaped(text)}</span>' if text and classes else escaped(text)
