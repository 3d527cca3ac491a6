"""The rows of a terminal and its cursor. What scrolls out of the window stays, and does not change any more."""

from __future__ import annotations

from typing import List, Optional, Tuple

from bkagent.controlplane.terminal.style import PLAIN, Style

WIDTH, HEIGHT = 160, 100
Run = Tuple[Style, str]


class Row:
    """One row: runs of text of one style each. `continues` says that the next row belongs to the same line."""

    __slots__ = ("runs", "length", "continues", "time_ms")

    def __init__(self) -> None:
        self.runs: List[Run] = []
        self.length = 0
        self.continues = False
        self.time_ms: Optional[int] = None

    def put(self, x: int, text: str, style: Style) -> None:
        """Write `text` at column `x`, over what is there."""
        if x > self.length:
            self.runs.append((PLAIN, " " * (x - self.length)))
            self.length = x
        if x == self.length:
            if self.runs and self.runs[-1][0] == style:
                self.runs[-1] = (style, self.runs[-1][1] + text)
            else:
                self.runs.append((style, text))
            self.length += len(text)
            return
        end = x + len(text)
        self.runs = self._cut(0, x) + [(style, text)] + self._cut(end, self.length)
        self.length = max(self.length, end)

    def erase(self, start: int, end: int) -> None:
        """Make the columns from `start` up to `end` blank."""
        if end >= self.length:
            self.runs = self._cut(0, start)
            self.length = min(self.length, start)
            self.continues = False
        elif end > start:
            self.put(start, " " * (end - start), PLAIN)

    def _cut(self, start: int, end: int) -> List[Run]:
        pieces, at = [], 0
        for style, text in self.runs:
            piece = text[max(0, start - at) : max(0, end - at)]
            at += len(text)
            if piece:
                pieces.append((style, piece))
        return pieces


class Screen:
    """Rows, the cursor, and which row is the first that changed since `settle`."""

    def __init__(self) -> None:
        self.rows = [Row()]
        self.x = self.y = 0
        self.style = PLAIN
        self.changed_from = 0
        self._saved = (0, 0, PLAIN)

    def write(self, text: str) -> None:
        """Write printable text at the cursor; a row that is full goes on in the next one."""
        self._touch()
        at = 0
        while at < len(text):
            if self.x >= WIDTH:
                self.rows[self.y].continues = True
                self._down()
                self._touch()
            piece = text[at : at + WIDTH - self.x]
            self.rows[self.y].put(self.x, piece, self.style)
            self.x += len(piece)
            at += len(piece)

    def stamp(self, time_ms: int) -> None:
        """Note when the row under the cursor was printed, in milliseconds since 1970."""
        self._touch()
        self.rows[self.y].time_ms = time_ms

    def line_feed(self) -> None:
        """Go to the start of the next row."""
        self._touch()
        self._down()

    def move(self, columns: int, rows: int) -> None:
        """Move the cursor inside the window, and not below the last row: a few bytes must not make a thousand rows."""
        self.x = min(max(self.x + columns, 0), WIDTH - 1)
        self.y = min(max(self.y + rows, self._top), len(self.rows) - 1)

    def to_column(self, column: int) -> None:
        """Move the cursor to a column, counted from 0."""
        self.x = min(max(column, 0), WIDTH - 1)

    def erase_in_row(self, kind: int) -> None:
        """Erase from the cursor (0), up to it (1), or the whole row (2)."""
        self._touch()
        row = self.rows[self.y]
        start, end = {0: (self.x, WIDTH), 1: (0, self.x + 1), 2: (0, WIDTH)}.get(kind, (0, 0))
        row.erase(start, end)

    def erase_in_window(self, kind: int) -> None:
        """Erase after the cursor (0), before it (1), or the window (2, 3). What scrolled away is a log, and stays."""
        top, last = self._top, len(self.rows) - 1
        first, final = {0: (self.y + 1, last), 1: (top, self.y - 1), 2: (top, last), 3: (top, last)}.get(kind, (0, -1))
        for at in range(first, final + 1):
            self.rows[at].erase(0, WIDTH)
        if first <= final:
            self.changed_from = min(self.changed_from, first)
        if kind in (0, 1):
            self.erase_in_row(kind)

    def save(self) -> None:
        """Remember the cursor and the style."""
        self._saved = (self.x, len(self.rows) - self.y, self.style)

    def restore(self) -> None:
        """Go back to what was remembered."""
        x, from_end, self.style = self._saved
        self.x, self.y = x, min(max(len(self.rows) - from_end, self._top), len(self.rows) - 1)

    def change(self) -> "Tuple[int, int]":
        """Return what has changed since `settle`: the number of the first such line, and the row it begins in."""
        at = min(self.changed_from, len(self.rows))
        while at > 0 and self.rows[at - 1].continues:
            at -= 1
        return sum(not row.continues for row in self.rows[:at]), at

    def settle(self) -> int:
        """Forget rows that cannot change any more, at the start of a line; return how many lines those were."""
        keep_from = max(0, len(self.rows) - HEIGHT)
        while keep_from > 0 and self.rows[keep_from - 1].continues:
            keep_from -= 1
        lines = sum(not row.continues for row in self.rows[:keep_from])
        del self.rows[:keep_from]
        self.y -= keep_from
        self.changed_from = len(self.rows)
        return lines

    @property
    def _top(self) -> int:
        return max(0, len(self.rows) - HEIGHT)

    def _down(self) -> None:
        self.y += 1
        self.x = 0
        if self.y == len(self.rows):
            self.rows.append(Row())

    def _touch(self) -> None:
        if self.y < self.changed_from:
            self.changed_from = self.y
