"""The pattern language of artifact paths and `if_changed`: one automaton over whole paths for all patterns.

\\x        x itself            ?        one letter but "/"          [abc] [^abc]  one letter listed, not listed
{a,b,}    one of these        *  **    letters but "/", letters    **/  /**/     any number of folders, also none
"""

from __future__ import annotations

from bkagent.pipeline.path_pattern_parser import ANY, ANY_BUT_SLASH, LISTED, Parsed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, FrozenSet, Iterable, Sequence, Set, Tuple

    _Place = Tuple[int, int]  # the number of a pattern, and a place of its automaton

_NODES_COUNT = 20_000  # of one matcher; past that it forgets what it has worked out


class PathPattern:
    """One pattern.

    root     its literal beginning up to the last "/"
    literal  the whole of it where there is nothing else in it, or None
    """

    def __init__(self, text: str, *, home: str = "", backslash_separates: bool = False) -> None:
        """Parse. `home` stands in for a leading "~". Raises BadPathPattern."""
        self.text = text
        parsed = Parsed(text, home, "\\" if backslash_separates else "/")
        self.root, self.literal = parsed.root, parsed.literal
        self.edges, self.final = parsed.edges, parsed.final

    def matches(self, path: str) -> bool:
        """Return whether the whole of `path` matches."""
        if self.literal is not None:
            return path == self.literal
        return path.startswith(self.root) and Matcher([self]).start.over(path[len(self.root) :]).accepts


class Node:
    """The state of a matcher after some letters. `dead` if nothing more can match."""

    __slots__ = ("_matcher", "places", "_steps", "accepts", "dead")

    def __init__(self, matcher: Matcher, places: FrozenSet[_Place]) -> None:
        self._matcher, self.places = matcher, places
        self._steps: Dict[str, Node] = {}
        self.accepts = matcher.accepts(places)
        self.dead = not places

    def over(self, letters: str) -> Node:
        """Return where these letters lead."""
        node = self
        for letter in letters:
            following = node._steps.get(letter)
            if following is None:
                following = node._steps[letter] = node._matcher.step(node.places, letter)
            node = following
            if node.dead:
                break
        return node


class Matcher:
    """What several patterns accept below their roots, worked out letter by letter, each combination once."""

    def __init__(self, patterns: Sequence[PathPattern]) -> None:
        self._patterns = patterns
        self._nodes: Dict[FrozenSet[_Place], Node] = {}
        self.start = self.begin(range(len(patterns)))

    def begin(self, numbers: Iterable[int]) -> Node:
        """Return the state in which the patterns with these numbers begin."""
        return self._node((number, 0) for number in numbers)

    def union(self, node: Node, other: Node) -> Node:
        """Return the state of two sets of patterns at once."""
        return self._node(node.places | other.places)

    def accepts(self, states: FrozenSet[_Place]) -> bool:
        """Return whether a path may end here."""
        return any(state == self._patterns[number].final for number, state in states)

    def step(self, states: FrozenSet[_Place], letter: str) -> Node:
        """Return where one more letter leads."""
        reached: Set[_Place] = set()
        for number, state in states:
            for label, to in self._patterns[number].edges[state]:
                if label == letter or (isinstance(label, tuple) and _fits(label, letter)):
                    reached.add((number, to))
        return self._node(reached)

    def _node(self, reached: Iterable[_Place]) -> Node:
        places = self._with_empty_edges(reached)
        node = self._nodes.get(places)
        if node is None:
            if len(self._nodes) > _NODES_COUNT:
                self._nodes.clear()
            node = self._nodes[places] = Node(self, places)
        return node

    def _with_empty_edges(self, reached: Iterable[_Place]) -> FrozenSet[_Place]:
        places = set(reached)
        left = list(places)
        while left:
            number, state = left.pop()
            for label, to in self._patterns[number].edges[state]:
                if label is None and (number, to) not in places:
                    places.add((number, to))
                    left.append((number, to))
        return frozenset(places)


def _fits(label: Tuple[str, str], letter: str) -> bool:
    kind, letters = label
    if kind == ANY:
        return True
    if kind == ANY_BUT_SLASH:
        return letter != "/"
    return (letter in letters) == (kind == LISTED)
