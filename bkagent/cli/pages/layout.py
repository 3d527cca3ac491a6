"""Lay text out for a terminal: its width, its colours, paragraphs and columns."""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Mapping, TextIO

_NARROWEST, _WIDEST, _USUAL = 40, 120, 80


def width(out: "TextIO", environ: "Mapping[str, str]") -> int:
    """Return how many columns a page may use: as COLUMNS says, else as the terminal has, else 80."""
    columns = environ.get("COLUMNS", "")
    if columns.isdigit() and int(columns):
        column_count = int(columns)
    else:
        try:
            column_count = os.get_terminal_size(out.fileno()).columns or _USUAL
        except (OSError, ValueError):
            column_count = _USUAL
    return min(max(column_count, _NARROWEST), _WIDEST)


def is_coloured(out: "TextIO", environ: "Mapping[str, str]") -> bool:
    """Return whether a page may hold colours: on a terminal, unless NO_COLOR or a dumb terminal forbids it."""
    return out.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def wrap(text: str, columns: int, indent: int = 0) -> "List[str]":
    """Return the lines of one paragraph. A word that is too long stands alone on a line."""
    margin = " " * indent
    lines: "List[str]" = []
    line = ""
    for word in text.split():
        if line and indent + len(line) + 1 + len(word) > columns:
            lines.append(margin + line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, margin + line] if line else lines


def paragraphs(text: str, columns: int) -> "List[str]":
    """Return the lines of a text whose paragraphs are divided by empty lines; indented lines stay as they are."""
    lines: "List[str]" = []
    for block in text.strip("\n").split("\n\n"):
        if lines:
            lines.append("")
        if block.startswith(" "):
            lines += block.split("\n")
        else:
            lines += wrap(block, columns)
    return lines


def columns(left: str, right: str, at: int, whole: int) -> "List[str]":
    """Return `left` and, from column `at` on, `right`; on a line of its own where `left` is too long."""
    lines = wrap(right, whole, at)
    if len(left) + 2 > at or not lines:
        return [left, *lines]
    return [left.ljust(at) + lines[0][at:], *lines[1:]]
