"""Read scalars in single or double quotes."""

from __future__ import annotations

import re
from typing import Match

from bkagent.yaml.scan_plain import Read
from bkagent.yaml.text import Text

# Each character can be matched in one way only, so that a quote that is never closed is found out at once.
_SINGLE = re.compile(r"'([^'\0]*(?:''[^'\0]*)*)'")
_DOUBLE = re.compile(r'"([^"\\\0]*(?:\\[^\0][^"\\\0]*)*)"')
_MARK_INSIDE = re.compile(r"\n(?:---|\.\.\.)(?=[ \t\n\0])")
# A run of blanks without a line end is matched too, and kept: searching inside it again and again would be slow.
_FOLD = re.compile(r"[ \t]*\n[ \t\n]*|[ \t]{2,}")
_SPECIAL = re.compile(
    r"\\\n[ \t\n]*|[ \t]*\n[ \t\n]*|[ \t]{2,}"
    r"|\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)",
)
_ESCAPES = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "\t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", "e": "\x1b",
    " ": " ", '"': '"', "'": "'", "/": "/", "\\": "\\", "N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029",
}  # fmt: skip


def single(text: Text, at: int) -> Read:
    """Read the scalar in single quotes that begins at `at`; two of them inside stand for one."""
    match = _whole(text, at, _SINGLE, "'")
    inner = match.group(1)
    if "\n" in inner:
        inner = _FOLD.sub(_folded, inner)
    return Read(inner.replace("''", "'"), match.end())


def double(text: Text, at: int) -> Read:
    """Read the scalar in double quotes that begins at `at`, with its escapes."""
    match = _whole(text, at, _DOUBLE, '"')
    inner = match.group(1)
    if "\\" in inner or "\n" in inner:
        start = match.start(1)
        inner = _SPECIAL.sub(lambda special: _replaced(text, start, special), inner)
    return Read(inner, match.end())


def _whole(text: Text, at: int, pattern: "re.Pattern[str]", quote: str) -> "Match[str]":
    match = pattern.match(text.characters, at)
    if match is None:
        text.wrong(at, f"expected a closing {quote} for the text that begins here, found the end of the text")
    if "\n" in match.group():
        mark = _MARK_INSIDE.search(text.characters, at, match.end())
        if mark:
            text.wrong(mark.start() + 1, f"expected a closing {quote}, found the mark of another document")
    return match


def _folded(gap: "Match[str]") -> str:
    breaks = gap.group().count("\n")
    if not breaks:
        return gap.group()
    return " " if breaks == 1 else "\n" * (breaks - 1)


def _replaced(text: Text, start: int, special: "Match[str]") -> str:
    found = special.group()
    if found[0] != "\\":
        return _folded(special)
    if found[1] == "\n":
        return "\n" * (found.count("\n") - 1)
    if len(found) == 2:
        if found[1] not in _ESCAPES:
            digits = {"x": 2, "u": 4, "U": 8}.get(found[1])
            wanted = f"{digits} hexadecimal digits after \\{found[1]}" if digits else "an escape such as \\n or \\u00e9"
            text.wrong(start + special.start(), f'expected {wanted}, found "{found}"; "\\\\" stands for a backslash')
        return _ESCAPES[found[1]]
    if len(found) == 12:
        return (bytes.fromhex(found[2:6]) + bytes.fromhex(found[8:12])).decode("utf-16-be")
    code = int(found[2:], 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        text.wrong(start + special.start(), f"expected the code of a character, found {found}")
    return chr(code)
