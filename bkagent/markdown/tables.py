"""Tables: rows of cells between bars, under a row that says how they stand."""

from __future__ import annotations

import re
from typing import List, Optional, Tuple

from bkagent.markdown.allowance import Allowance
from bkagent.markdown.inline import inline

_RULE = re.compile(r"\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?")
_CELL_END = re.compile(r"(?<!\\)\|")
COLUMNS_COUNT = 200
# Cells of one table that its rows lack and that are put in: a row of two bytes would make as many as there are columns.
ADDED_COUNT = 1000


def read(lines: List[str], at: int, allowance: Allowance) -> Optional[Tuple[str, int]]:
    """Return the table whose head stands at `lines[at]` and the place after it, None if there is none."""
    if at + 1 >= len(lines) or "|" not in lines[at] or not _is_rule(lines[at + 1]):
        return None
    head, rules = _cells(lines[at]), _cells(lines[at + 1])
    if len(head) != len(rules) or len(head) > COLUMNS_COUNT:
        return None
    aligned = [_alignment(rule) for rule in rules]
    rows = [_row(head, aligned, "th", allowance)]
    at += 2
    left_count = ADDED_COUNT
    while at < len(lines) and allowance.left > 0 and lines[at].strip() and "|" in lines[at]:
        cells = _cells(lines[at])[: len(head)]
        added_count = min(len(head) - len(cells), left_count)
        left_count -= added_count
        rows.append(_row(cells + [""] * added_count, aligned, "td", allowance))
        at += 1
    body = f"\n<tbody>\n{chr(10).join(rows[1:])}\n</tbody>" if len(rows) > 1 else ""
    return f"<table>\n<thead>\n{rows[0]}\n</thead>{body}\n</table>", at


def _is_rule(line: str) -> bool:
    return not line.startswith("    ") and _RULE.fullmatch(line.strip(" \t")) is not None


def _cells(line: str) -> List[str]:
    text = line.strip()
    text = text[1:] if text.startswith("|") else text
    text = text[:-1] if text.endswith("|") and not text.endswith("\\|") else text
    return [cell.strip().replace("\\|", "|") for cell in _CELL_END.split(text)]


def _alignment(rule: str) -> str:
    left, right = rule.startswith(":"), rule.endswith(":")
    side = "center" if left and right else "right" if right else "left" if left else ""
    return f' align="{side}"' if side else ""


def _row(cells: List[str], aligned: List[str], name: str, allowance: Allowance) -> str:
    allowance.left -= len(cells) + 1
    shown = "".join(f"<{name}{how}>{inline(cell, allowance)}</{name}>" for cell, how in zip(cells, aligned))
    return f"<tr>{shown}</tr>"
