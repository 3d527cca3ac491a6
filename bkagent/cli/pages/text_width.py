"""How many columns of a terminal a text takes: letters of some scripts and emoji take two, marks on letters none."""

from __future__ import annotations

import unicodedata

_NO_WIDTH = ("Mn", "Me", "Cf")


def width(text: str) -> int:
    """Return the columns of a text without control characters."""
    return len(text) if text.isascii() else sum(map(_width, text))


def pad(text: str, columns: int) -> str:
    """Return the text with as many blanks as make it that wide."""
    return text + " " * (columns - width(text))


def cut(text: str, columns: int) -> str:
    """Return as much of the text as is no wider than that."""
    if text.isascii():
        return text[:columns]
    left, at = columns, 0
    while at < len(text) and _width(text[at]) <= left:
        left -= _width(text[at])
        at += 1
    return text[:at]


def _width(letter: str) -> int:
    if unicodedata.category(letter) in _NO_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
