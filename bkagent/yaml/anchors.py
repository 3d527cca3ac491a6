"""Anchors and what their aliases stand for, with bounds on what a few lines may grow into."""

from __future__ import annotations

from typing import Any, Dict, NamedTuple, Optional

from bkagent.yaml.text import Text
from bkagent.yaml.tokens import Token

# All values that a document's aliases stand for, each counted as often as it is used.
MOST_ALIASED = 1_000_000
DEEPEST_ALIASED = 100
# A text counts as one value more for each of these many characters.
CHARACTERS_A_VALUE = 256


class _Anchor(NamedTuple):
    """A finished anchor's value, how many values it is made of, and how many levels deep it is."""

    value: Any
    weight: int
    height: int


class _Begun(NamedTuple):
    name: str
    weight: int
    depth: int
    deepest: int


class Anchors:
    """Anchors of one document by name. A later one of the same name takes its place."""

    def __init__(self, text: Text) -> None:
        self._text = text
        self._known: Dict[str, Optional[_Anchor]] = {}
        self._unfinished: Dict[str, _Begun] = {}
        self._weight = 0
        self._aliased = 0
        self._deepest = 0

    def count(self, length: int) -> None:
        """Note one more value, with a text of this length."""
        self._weight += 1 + length // CHARACTERS_A_VALUE

    def reach(self, depth: int) -> None:
        """Note that values stand at this depth."""
        if depth > self._deepest:
            self._deepest = depth

    def begin(self, name: str, depth: int) -> _Begun:
        """Note that the value of an anchor begins; give the result to `end`. An empty name means no anchor."""
        begun = _Begun(name, self._weight, depth, self._deepest)
        if name:
            self._deepest = depth
            self._known[name] = None
            self._unfinished[name] = begun
        return begun

    def end(self, begun: _Begun, value: Any) -> None:
        """Keep the value of an anchor."""
        if not begun.name:
            return
        height = self._deepest - begun.depth
        self._deepest = max(self._deepest, begun.deepest)
        if self._unfinished.get(begun.name) is begun:
            del self._unfinished[begun.name]
            self._known[begun.name] = _Anchor(value, self._weight - begun.weight, height)

    def value(self, alias: Token, depth: int) -> Any:
        """Return what an alias stands for. Raises YamlError for one that leads to itself, or grows too big."""
        if alias.text not in self._known:
            self._text.wrong(alias.at, f"expected an anchor &{alias.text} before this alias")
        anchor = self._known[alias.text]
        if anchor is None:
            self._text.wrong(alias.at, f"expected a complete value, but *{alias.text} is inside its own anchor")
        self._weight += anchor.weight
        self._aliased += anchor.weight
        if self._aliased > MOST_ALIASED:
            self._text.wrong(alias.at, f"expected aliases for at most {MOST_ALIASED} values in all, found more")
        if depth + anchor.height > DEEPEST_ALIASED:
            self._text.wrong(alias.at, f"expected at most {DEEPEST_ALIASED} levels of nesting, found more by it")
        self.reach(depth + anchor.height)
        return anchor.value
