"""Lines of a table: columns as wide as their widest cell, fewer of them where a terminal is narrow."""

from __future__ import annotations

from typing import List, Optional, Sequence, Tuple

from bkagent.cli.pages import text_width

_GAP = "  "
_CUT = "\u2026"
_LEAST_COLUMNS = 40  # that a shortened cell keeps while other columns could be left out instead
Row = Tuple[str, ...]


def lines(
    rows: Sequence[Row], columns_count: Optional[int] = None, expendable: Sequence[str] = (), shortened: str = ""
) -> List[str]:
    """Return a line for each row; the first one names the columns.

    Where they are wider than `columns_count`, long cells of the column `shortened` lose their beginning, and where that
    is not enough the columns named by `expendable` are left out, in that order.
    """
    widths = [max(text_width.width(row[at]) for row in rows) for at in range(len(rows[0]))]
    shown = list(range(len(rows[0])))
    least = [min(width, _LEAST_COLUMNS) if rows[0][at] == shortened else width for at, width in enumerate(widths)]
    for name in expendable:
        if _excess(least, shown, columns_count) <= 0:
            break
        shown.remove(rows[0].index(name))
    too_wide = _excess(widths, shown, columns_count)
    if too_wide > 0 and shortened:
        at = rows[0].index(shortened)
        widths[at] = max(text_width.width(shortened), widths[at] - too_wide)
        rows = [(*row[:at], _shortened(row[at], widths[at]), *row[at + 1 :]) for row in rows]
    return [_GAP.join(text_width.pad(row[at], widths[at]) for at in shown).rstrip() for row in rows]


def _excess(widths: Sequence[int], shown: Sequence[int], columns_count: Optional[int]) -> int:
    """Return by how many columns of the terminal the lines are too wide."""
    return 0 if columns_count is None else sum(widths[at] + len(_GAP) for at in shown) - len(_GAP) - columns_count


def _shortened(cell: str, columns: int) -> str:
    """Return the end of a text, which tells paths apart better than their beginning."""
    if text_width.width(cell) <= columns:
        return cell
    return _CUT + text_width.cut(cell[::-1], columns - 1)[::-1]
