"""Read block scalars: `|` keeps line ends, `>` folds them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import List, Pattern

from bkagent.yaml.scan_plain import Read
from bkagent.yaml.text import Text

_HEADER = re.compile(r"[|>](?:([+-])([1-9])?|([1-9])([+-])?)?[ \t]*(?:#[^\n\0]*)?")
_BLANK_LINES = re.compile(r"(?: *\n)*")
_SPACES = re.compile(r" *")


def block(text: Text, at: int, parent: int) -> Read:
    """Read the block scalar whose `|` or `>` is at `at`, in a collection at column `parent` (-1 for none)."""
    characters = text.characters
    header = _HEADER.match(characters, at)
    assert header is not None
    start = header.end()
    if characters[start] not in "\n\0":
        _wrong_header(text, start)
    chomping = header.group(1) or header.group(4) or ""
    explicit = header.group(2) or header.group(3)
    start += characters[start] == "\n"
    indent = max(parent, 0) + int(explicit) if explicit else _indent(characters, start, parent)
    match = _body(indent).match(characters, start)
    assert match is not None
    _check_tab(text, match.end(), indent)
    return Read(_value(match.group(), indent, chomping, characters[at] == ">"), match.end())


def _wrong_header(text: Text, at: int) -> None:
    if text.characters[at] == "0":
        text.wrong(at, "expected an indentation from 1 to 9, found 0")
    text.wrong(at, f"expected a comment or the end of the line after | or >, found {text.found(at)}")


def _indent(characters: str, start: int, parent: int) -> int:
    """Return the column of the first line that is not blank, or of a blank one that reaches further."""
    blank = _BLANK_LINES.match(characters, start)
    assert blank is not None
    spaces = _SPACES.match(characters, blank.end())
    assert spaces is not None
    widest = max(map(len, blank.group().split("\n")))
    return max(widest, len(spaces.group()), parent + 1, 1)


@lru_cache(maxsize=64)
def _body(indent: int) -> "Pattern[str]":
    return re.compile(rf"(?:(?: {{{indent}}}[^\n\0]*| {{0,{indent - 1}}})\n)*(?: {{{indent}}}[^\n\0]+| *(?=\0))?")


def _check_tab(text: Text, at: int, indent: int) -> None:
    spaces = _SPACES.match(text.characters, at)
    assert spaces is not None
    if text.characters[spaces.end()] == "\t" and len(spaces.group()) < indent:
        text.wrong(spaces.end(), "expected spaces for the indentation, found a tab")


def _value(body: str, indent: int, chomping: str, folded: bool) -> str:
    lines = [line[indent:] for line in body.split("\n")]
    whole = "\n".join(lines)
    content = whole.rstrip("\n")
    trailing = whole[len(content) :]
    if folded and "\n" in content:
        content = _folded(content.split("\n"))
    if chomping == "-":
        return content
    if chomping == "+":
        return content + trailing
    return content + "\n" if content and trailing else content


def _folded(lines: List[str]) -> str:
    """Join lines with spaces; blank ones, and those that begin with a blank, keep their line ends."""
    parts: List[str] = []
    breaks = 0
    before = " "  # how the last line with text began; none yet
    for line in lines:
        if line:
            own = line[0]
            if before in " \t" or own in " \t":
                parts.append("\n" * breaks)
            else:
                parts.append(" " if breaks == 1 else "\n" * (breaks - 1))
            parts.append(line)
            before, breaks = own, 0
        breaks += 1
    return "".join(parts)
