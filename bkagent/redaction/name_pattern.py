"""Patterns for variable names: `*` and `?` (never a `/`), `[a-z]`, `[^a-z]`, and `\\` before a literal letter."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Tuple

    # A step matches one letter; several stand between two stars.
    Step = Tuple[bool, List[Tuple[str, str]]]  # (negated, ranges)

_ANY_BUT_SLASH: "Step" = (True, [("/", "/")])
_SPECIAL = "*?[\\"


class BadNamePattern(Exception):
    """The pattern breaks off in a class or after a backslash, or has an empty class."""


class NamePattern:
    """One pattern, compared with whole names, case and all. Raises BadNamePattern.

    `ending` is what it is but for a star at its beginning, None for other patterns.
    """

    __slots__ = ("ending", "_exact", "_chunks")

    def __init__(self, pattern: str) -> None:
        plain = not any(letter in _SPECIAL for letter in pattern[1:])
        self._exact = pattern if plain and pattern[:1] not in _SPECIAL else None
        # `*_TOKEN` and its like are nearly all there are.
        self.ending = pattern[1:] if plain and pattern[:1] == "*" else None
        self._chunks = [] if plain and (self.ending is not None or self._exact is not None) else _parse(pattern)

    def matches(self, name: str) -> bool:
        """Return whether the whole name fits."""
        if self.ending is not None:
            return name.endswith(self.ending) and "/" not in name[: len(name) - len(self.ending)]
        if not self._chunks:
            return name == self._exact
        first = self._chunks[0]
        if not _fits(first, name, 0):
            return False
        at = len(first)
        for number, chunk in enumerate(self._chunks[1:], 2):
            last = number == len(self._chunks)
            while not (_fits(chunk, name, at) and (not last or at + len(chunk) == len(name))):
                if at >= len(name) or name[at] == "/":
                    return False
                at += 1
            at += len(chunk)
        return at == len(name)


def _parse(pattern: str) -> "List[List[Step]]":
    """Return the steps between the stars: one chunk more than there are stars."""
    chunks: "List[List[Step]]" = [[]]
    at = 0
    while at < len(pattern):
        letter = pattern[at]
        at += 1
        if letter == "*":
            chunks.append([])
        elif letter == "?":
            chunks[-1].append(_ANY_BUT_SLASH)
        elif letter == "[":
            at, step = _parse_class(pattern, at)
            chunks[-1].append(step)
        else:
            if letter == "\\":
                if at == len(pattern):
                    raise BadNamePattern(pattern)
                letter = pattern[at]
                at += 1
            chunks[-1].append((False, [(letter, letter)]))
    return chunks


def _parse_class(pattern: str, at: int) -> "Tuple[int, Step]":
    negated = pattern.startswith("^", at)
    at += negated
    ranges: "List[Tuple[str, str]]" = []
    while not (ranges and pattern.startswith("]", at)):
        at, low = _parse_bound(pattern, at)
        high = low
        if pattern.startswith("-", at):
            at, high = _parse_bound(pattern, at + 1)
        ranges.append((low, high))
    return at + 1, (negated, ranges)


def _parse_bound(pattern: str, at: int) -> "Tuple[int, str]":
    at += pattern.startswith("\\", at)
    escaped = pattern.startswith("\\", at - 1) if at else False
    # A bound is never the last letter: a bracket has to follow.
    if at + 1 >= len(pattern) or (not escaped and pattern[at] in "-]"):
        raise BadNamePattern(pattern)
    return at + 1, pattern[at]


def _fits(chunk: "List[Step]", name: str, at: int) -> bool:
    if at + len(chunk) > len(name):
        return False
    for offset, (negated, ranges) in enumerate(chunk):
        letter = name[at + offset]
        if any(low <= letter <= high for low, high in ranges) == negated:
            return False
    return True
