"""What the parts of a pattern are, and the error for an invalid pattern."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple, Union

from bkagent.regexp.classes import CharacterSet


class PatternError(ValueError):
    """A text is not a valid Go regular expression, or not supported here. The message says why."""


@dataclass(frozen=True)
class Assertion:
    """A place between characters: `text start`, `text end`, `line start`, `line end`, `boundary`, `no boundary`."""

    kind: str


@dataclass(frozen=True)
class Sequence:
    """One part after the other; none of them is the empty text."""

    parts: Tuple["Node", ...] = ()


@dataclass(frozen=True)
class Alternation:
    """Any of the parts."""

    parts: Tuple["Node", ...]


@dataclass(frozen=True)
class Repeat:
    """A part that comes at least `low` times and at most `high` times; None is without end."""

    part: "Node"
    low: int
    high: Optional[int]


Node = Union[CharacterSet, Assertion, Sequence, Alternation, Repeat]
