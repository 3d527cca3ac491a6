"""How much of a text is formatted: a few bytes can ask for an element each, and jobs decide how many there are."""

from __future__ import annotations

# Marks of one text: emphasis, links, tags, cells, items, paragraphs. A megabyte of prose has some thousands; a table of
# ten thousand rows and four columns fits. What comes after the last one is shown as it is written.
MARKS_COUNT = 50_000


class Allowance:
    """The marks that one text may still have."""

    __slots__ = ("left",)

    def __init__(self, left: int = MARKS_COUNT) -> None:
        self.left = left
