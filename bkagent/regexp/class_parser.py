"""What stands in brackets: `[^a-z[:digit:]\\-]`."""

from __future__ import annotations

from typing import List, Tuple

from bkagent.regexp.classes import POSIX, CharacterSet, Ranges, complement
from bkagent.regexp.escapes import read_character, read_escape
from bkagent.regexp.syntax import PatternError


class ClassParser:
    """Reads the class that begins at `at`, which moves along."""

    def __init__(self, text: str, at: int) -> None:
        self._text, self.at = text, at
        self._start = at
        self._ranges: List[Tuple[int, int]] = []
        self._categories: List[Tuple[str, bool]] = []

    def read(self) -> CharacterSet:
        """Return the characters. Raises PatternError."""
        self.at += 1
        is_negated = self._peek() == "^"
        self.at += is_negated
        is_first = True
        while is_first or self._peek() != "]":
            if not self._peek():
                raise PatternError(f"missing closing ]: {self._text[self._start :]}")
            self._read_part()
            is_first = False
        self.at += 1
        return CharacterSet(tuple(self._ranges), tuple(self._categories), is_negated)

    def _peek(self) -> str:
        return self._text[self.at : self.at + 1]

    def _read_part(self) -> None:
        if self._text.startswith("[:", self.at) and self._read_posix():
            return
        if self._peek() == "\\" and self._text[self.at + 1 : self.at + 2] in tuple("dDsSwWpP"):
            characters, self.at = read_escape(self._text, self.at)
            self._add(characters)
            return
        start = self.at
        low = self._character()
        high = low
        if self._peek() == "-" and self._text[self.at + 1 : self.at + 2] not in ("", "]"):
            self.at += 1
            high = self._character()
        if high < low:
            raise PatternError(f"invalid character class range: {self._text[start : self.at]}")
        self._ranges.append((low, high))

    def _read_posix(self) -> bool:
        end = self._text.find(":]", self.at + 2)
        if end < 0:
            return False
        name = self._text[self.at + 2 : end]
        is_negated = name.startswith("^")
        ranges: "Ranges | None" = POSIX.get(name[is_negated:])
        if ranges is None:
            raise PatternError(f"invalid character class range: [:{name}:]")
        self._ranges += complement(ranges) if is_negated else ranges
        self.at = end + 2
        return True

    def _character(self) -> int:
        if self._peek() == "\\":
            code_point, self.at = read_character(self._text, self.at)
            return code_point
        if not self._peek():
            raise PatternError(f"missing closing ]: {self._text[self._start :]}")
        self.at += 1
        return ord(self._text[self.at - 1])

    def _add(self, characters: CharacterSet) -> None:
        self._categories += characters.categories
        self._ranges += complement(characters.ranges) if characters.is_negated else characters.ranges
