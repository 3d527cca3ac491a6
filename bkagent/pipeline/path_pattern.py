"""The pattern language of artifact paths and `if_changed`: text to an automaton over whole paths.

    \\x        x itself            ?        one letter but "/"          [abc] [^abc]  one letter listed, not listed
    {a,b,}    one of these        *  **    letters but "/", letters    **/  /**/     any number of folders, also none

Source: the recorded matches of buildkite-agent 3.137. Its odd corners are kept: classes know no ranges, and a path that
ends where an empty alternative is followed by an empty `*` does not match (`**/*` is not the empty path).
"""

from __future__ import annotations

from typing import Dict, FrozenSet, List, Optional, Sequence, Tuple

from bkagent.pipeline.errors import PipelineError

_NODES_COUNT = 20_000  # of one matcher; past that it forgets what it has worked out

# What stands on an edge: None for nothing at all, a letter, or (kind, letters).
Label = object
_ANY_BUT_SLASH, _ANY, _LISTED, _NOT_LISTED = "any but slash", "any", "listed", "not listed"


class BadPattern(PipelineError):
    """A pattern that does not parse; the text says why."""


class PathPattern:
    """One pattern.

    root     its literal beginning up to the last "/"
    literal  the whole of it where there is nothing else in it, or None
    """

    def __init__(self, text: str, *, home: str = "", backslash_separates: bool = False) -> None:
        """Parse. `home` stands in for a leading "~". Raises BadPattern."""
        self.text = text
        parsed = _Parser(text, home, backslash_separates).parse()
        self.root, self.literal = parsed.root, parsed.literal
        self._edges, self._final = parsed.edges, parsed.final

    def matches(self, path: str) -> bool:
        """Say whether the whole of `path` matches."""
        return Matcher([self]).walk(path).accepts


class Node:
    """Where a matcher stands after some letters. `dead` when no further letter can help."""

    __slots__ = ("_matcher", "_places", "_steps", "accepts", "dead")

    def __init__(self, matcher: Matcher, places: FrozenSet[Tuple[int, int]]) -> None:
        self._matcher, self._places = matcher, places
        self._steps: Dict[str, Node] = {}
        self.accepts = matcher.accepts(places)
        self.dead = not places

    def over(self, letters: str) -> Node:
        """Return where these letters lead."""
        node = self
        for letter in letters:
            following = node._steps.get(letter)
            if following is None:
                following = node._steps[letter] = node._matcher.step(node._places, letter)
            node = following
            if node.dead:
                break
        return node


class Matcher:
    """Several patterns at once, worked out letter by letter as paths come, each combination once."""

    def __init__(self, patterns: Sequence[PathPattern]) -> None:
        self._patterns = patterns
        self._nodes: Dict[FrozenSet[Tuple[int, int]], Node] = {}
        self.start = self._node(frozenset((number, 0) for number in range(len(patterns))))

    def walk(self, path: str) -> Node:
        """Return where a path leads."""
        return self.start.over(path)

    def accepts(self, places: FrozenSet[Tuple[int, int]]) -> bool:
        """Say whether a path may end here: at a final place, or one empty edge before it, but no further."""
        for number, place in places:
            pattern = self._patterns[number]
            if place == pattern._final:
                return True
            if any(label is None and to == pattern._final for label, to in pattern._edges[place]):
                return True
        return False

    def step(self, places: FrozenSet[Tuple[int, int]], letter: str) -> Node:
        """Return where one more letter leads."""
        seen, left, reached = set(places), list(places), set()
        while left:
            number, place = left.pop()
            for label, to in self._patterns[number]._edges[place]:
                if label is None:
                    if (number, to) not in seen:
                        seen.add((number, to))
                        left.append((number, to))
                elif label == letter or (isinstance(label, tuple) and _fits(label, letter)):
                    reached.add((number, to))
        return self._node(frozenset(reached))

    def _node(self, places: FrozenSet[Tuple[int, int]]) -> Node:
        node = self._nodes.get(places)
        if node is None:
            if len(self._nodes) > _NODES_COUNT:
                self._nodes.clear()
            node = self._nodes[places] = Node(self, places)
        return node


def _fits(label: Tuple[str, str], letter: str) -> bool:
    kind, letters = label
    if kind == _ANY:
        return True
    if kind == _ANY_BUT_SLASH:
        return letter != "/"
    return (letter in letters) == (kind == _LISTED)


class _Parser:
    """Builds the automaton while it reads. Places are numbers; `edges[place]` are (label, place)."""

    def __init__(self, text: str, home: str, backslash_separates: bool) -> None:
        self._escapes = not backslash_separates
        text = text.replace("\\", "/") if backslash_separates else text
        self._home = home.replace("\\", "/") if backslash_separates else home
        self._text, self._at = text, 0
        self.edges: List[List[Tuple[Label, int]]] = [[]]
        self.final = 0
        self._letters = ""  # the literal beginning
        self._plain = True

    @property
    def root(self) -> str:
        return self._letters[: self._letters.rfind("/") + 1]

    @property
    def literal(self) -> Optional[str]:
        return self._letters if self._plain else None

    def parse(self) -> _Parser:
        place = 0
        if self._text.startswith("~/") and self._home:
            for letter in self._home.rstrip("/"):
                place = self._letter(place, letter, None)
            self._at = 1
        elif self._text.startswith("**/"):
            self._at = 3
            place = self._folders(place)
        self.final, _ = self._sequence(place, None, "")
        return self

    def _sequence(self, place: int, to: Optional[int], ends: str) -> Tuple[int, str]:
        """Read up to one of `ends`; the last edge leads to `to` where it is given. Return (last place, end found)."""
        begin = place
        pending: Optional[Label] = None  # the edge that is held back until it is known not to be the last
        while self._at < len(self._text):
            letter = self._text[self._at]
            if letter in ends:
                self._at += 1
                return self._arrive(begin, place, pending, to), letter
            if pending is not None:
                place, pending = self._edge(place, pending, None), None
            self._at += 1
            if letter == "*":
                place = self._star(place)
            elif letter == "{":
                self._plain = False
                place = self._alternatives(place)
            elif letter == "/" and self._text.startswith("**/", self._at):
                self._at += 3
                place = self._folders(self._letter(place, "/", None))
            else:
                pending = self._single(letter)
        if ends:
            raise BadPattern("unterminated alternation - missing closing brace")
        return self._arrive(begin, place, pending, to), ""

    def _arrive(self, begin: int, place: int, pending: Optional[Label], to: Optional[int]) -> int:
        if pending is not None:
            return self._edge(place, pending, to)
        if to is not None and place != to:
            self.edges[place].append((None, to))
            return to
        return place

    def _single(self, letter: str) -> Label:
        """Return the label of one letter or what stands for one; remember the literal beginning."""
        if letter == "?":
            self._plain = False
            return (_ANY_BUT_SLASH, "")
        if letter == "[":
            self._plain = False
            return self._class()
        if letter == "\\" and self._escapes and self._at < len(self._text):
            letter = self._text[self._at]
            self._at += 1
        elif letter in ",}":
            self._plain = False  # itself, but the reference walks for it instead of asking for one file
        if self._plain:
            self._letters += letter
        return letter

    def _class(self) -> Label:
        kind, letters = _LISTED, ""
        if self._text.startswith("^", self._at):
            kind = _NOT_LISTED
            self._at += 1
        while self._at < len(self._text):
            letter = self._text[self._at]
            self._at += 1
            if letter == "]":
                return (kind, letters)
            if letter == "\\" and self._escapes and self._at < len(self._text):
                letter = self._text[self._at]
                self._at += 1
            letters += letter
        raise BadPattern("unterminated char class - missing closing square bracket")

    def _star(self, place: int) -> int:
        self._plain = False
        label = (_ANY_BUT_SLASH, "")
        if self._text.startswith("*", self._at):
            self._at += 1
            label = (_ANY, "")
        star = self._new()
        self.edges[place].append((None, star))
        self.edges[star].append((label, star))
        return star

    def _folders(self, place: int) -> int:
        """Any number of folders, each with its "/"; as `{,**/}`."""
        self._plain = False
        end, star = self._new(), self._new()
        self.edges[place] += [(None, end), (None, star)]
        self.edges[star] += [((_ANY, ""), star), ("/", end)]
        return end

    def _alternatives(self, place: int) -> int:
        end = self._new()
        while True:
            _, found = self._sequence(place, end, ",}")
            if found == "}":
                return end

    def _letter(self, place: int, letter: str, to: Optional[int]) -> int:
        if self._plain:
            self._letters += letter
        return self._edge(place, letter, to)

    def _edge(self, place: int, label: Label, to: Optional[int]) -> int:
        target = self._new() if to is None else to
        self.edges[place].append((label, target))
        return target

    def _new(self) -> int:
        self.edges.append([])
        return len(self.edges) - 1
