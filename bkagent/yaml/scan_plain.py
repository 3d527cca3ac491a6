"""Read plain scalars: text without quotes, which may go on over lines that are indented deeper."""

from __future__ import annotations

import re
from typing import List, NamedTuple

from bkagent.yaml.text import Text

# Words may hold ":" before more text and "#" behind more text. Between brackets they end at their signs, too.
_BLOCK_WORD = r"(?:[^ \t\n\0:]+|:(?![ \t\n\0]))+"
_FLOW_WORD = r"(?:[^ \t\n\0:,?\[\]{}]+|:(?![ \t\n\0]))+"
BLOCK_LINE = re.compile(rf"{_BLOCK_WORD}(?:[ \t]+(?!#){_BLOCK_WORD})*")
FLOW_LINE = re.compile(rf"{_FLOW_WORD}(?:[ \t]+(?!#){_FLOW_WORD})*")
_GAP = re.compile(r"[ \t]*\n[ \t\n]*")
_INDENT = re.compile(r" *")
DOCUMENT_MARK = re.compile(r"(?:---|\.\.\.)(?=[ \t\n\0])")


class Read(NamedTuple):
    """A scalar's text and where reading goes on."""

    text: str
    end: int


def plain(text: Text, at: int, indent: int, in_flow: bool) -> Read:
    """Read the plain scalar that begins at `at`. Later lines belong to it from column `indent` on."""
    characters = text.characters
    line = FLOW_LINE if in_flow else BLOCK_LINE
    match = line.match(characters, at)
    assert match is not None
    end = match.end()
    gap = _GAP.match(characters, end)
    if gap is None:
        return Read(match.group(), end)
    parts: List[str] = [match.group()]
    while gap is not None:
        at = gap.end()
        line_start = characters.rfind("\n", end, at) + 1
        if not _goes_on(text, line_start, at, indent, in_flow):
            break
        match = line.match(characters, at)
        if match is None:
            break
        breaks = characters.count("\n", end, at)
        parts.append(" " if breaks == 1 else "\n" * (breaks - 1))
        parts.append(match.group())
        end = match.end()
        gap = _GAP.match(characters, end)
    return Read("".join(parts), end)


def _goes_on(text: Text, line_start: int, at: int, indent: int, in_flow: bool) -> bool:
    characters = text.characters
    if characters[at] == "#" or (at == line_start and DOCUMENT_MARK.match(characters, at)):
        return False
    if in_flow:
        return True
    spaces = _INDENT.match(characters, line_start)
    assert spaces is not None
    if spaces.end() < at and spaces.end() - line_start < indent and characters[at] not in "\n\0":
        text.wrong(spaces.end(), "expected spaces for the indentation, found a tab")
    return at - line_start >= indent
