"""The rows of a terminal and its cursor. What scrolls out of the window stays, and does not change any more."""

from __future__ import annotations

from typing import List, Optional, Tuple

from bkagent.controlplane.web.ui.terminal.style import PLAIN, Style

WIDTH, HEIGHT = 160, 100
LINE_ROWS = 1000  # a longer line is split: each change of a line sends the whole line again
Run = Tuple[Style, str]


class Row:
    """One row: runs of text of one style each. `continues` says that the next row belongs to the same line.

    part   which row of its line it is, from 1
    """

    __slots__ = ("_runs", "_cells", "length", "continues", "part", "time_ms")

    def __init__(self) -> None:
        self._runs: List[Run] = []
        # From the first change within the row on, a letter each: the next change costs what it changes, not a row.
        self._cells: Optional[List[Run]] = None
        self.length = 0
        self.continues = False
        self.part = 1
        self.time_ms: Optional[int] = None

    @property
    def runs(self) -> List[Run]:
        """Return the text from left to right."""
        return self._runs if self._cells is None else self._cells

    def put(self, x: int, text: str, style: Style) -> None:
        """Write `text` at column `x`, over what is there."""
        if x > self.length:
            self._append(" " * (x - self.length), PLAIN)
        if x == self.length:
            self._append(text, style)
            return
        cells = self._as_cells()
        cells[x : x + len(text)] = [(style, letter) for letter in text]
        self.length = len(cells)

    def erase(self, start: int, end: int) -> None:
        """Make the columns from `start` up to `end` blank."""
        if start <= 0 and end >= self.length:
            self._runs, self._cells, self.length, self.continues = [], None, 0, False
        elif end >= self.length:
            cells = self._as_cells()
            del cells[start:]
            self.length = len(cells)
            self.continues = False
        elif end > start:
            self.put(start, " " * (end - start), PLAIN)

    def _append(self, text: str, style: Style) -> None:
        self.length += len(text)
        if self._cells is not None:
            self._cells += [(style, letter) for letter in text]
        elif self._runs and self._runs[-1][0] == style:
            self._runs[-1] = (style, self._runs[-1][1] + text)
        else:
            self._runs.append((style, text))

    def _as_cells(self) -> List[Run]:
        if self._cells is None:
            self._cells = [(style, letter) for style, text in self._runs for letter in text]
            self._runs = []
        return self._cells


class Screen:
    """Rows, the cursor, and which row is the first that changed since `settle`."""

    def __init__(self) -> None:
        self.rows = [Row()]
        self.x = self.y = 0
        self.style = PLAIN
        self.changed_from = 0
        self._saved = (0, 0, PLAIN)

    def write(self, text: str) -> None:
        """Write printable text at the cursor; a full row continues in the next one."""
        self._touch()
        at = 0
        while at < len(text):
            if self.x >= WIDTH:
                full = self.rows[self.y]
                full.continues = full.part < LINE_ROWS
                self._down()
                self.rows[self.y].part = full.part + 1 if full.continues else 1
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
        for row in self.rows[first : final + 1]:
            if row.length:
                row.erase(0, WIDTH)
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
