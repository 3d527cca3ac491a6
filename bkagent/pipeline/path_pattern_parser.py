"""Reads a path pattern: text to tokens, tokens to an automaton.

A token is a letter that stands for itself, or a word or a pair for the rest. Source: what buildkite-agent 3.137 does
with patterns, of which tests/data/path-patterns.json keeps several hundred. Its odd corners are kept:

- classes know no ranges, and "[" at the very end is itself;
- "**/" is any number of folders at the beginning and between slashes. The slash that ends one such piece does not
  begin another, nor does the second of two slashes;
- an empty edge gives way to the only edge behind it, even where a path might have ended in between: `{a,}*` does not
  match the empty path, as that has no letter for the star.
"""

from __future__ import annotations

from bkagent.pipeline.errors import PipelineError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Optional, Tuple, Union

    # What stands on an edge: None for nothing at all, a letter, or (kind, letters).
    Label = Union[None, str, Tuple[str, str]]
    Edge = Tuple[Label, int]
    Token = Union[str, Tuple[str, str]]

ANY_BUT_SLASH, ANY, LISTED, NOT_LISTED = "any but slash", "any", "listed", "not listed"

_STAR, _DEEP_STAR, _OPEN, _CLOSE, _COMMA, _FOLDERS = "star", "deep star", "open", "close", "comma", "folders"
_SIGNS = {"{": _OPEN, "}": _CLOSE, ",": _COMMA}
_OUTSIDE_BRACES = {_CLOSE: "}", _COMMA: ","}


class BadPathPattern(PipelineError):
    """An invalid pattern; the message says why."""


class Parsed:
    """A pattern, read.

    root     its literal beginning up to the last "/"
    literal  the whole of it where nothing in it stands for something else, or None
    edges    what the rest of it accepts: for each place, where to go by what; it begins at place 0
    final    the place where a path may end
    """

    __slots__ = ("edges", "final", "literal", "root")

    def __init__(self, text: str, home: str, separator: str) -> None:
        """Read. `home` stands in for a leading "~", `separator` is what the system puts between folders.

        Raises BadPathPattern.
        """
        tokens = _with_folders(_with_home(_tokens(text, separator), home.replace(separator, "/")))
        letters = "".join(_literal_beginning(tokens))
        self.literal: Optional[str] = letters if len(letters) == len(tokens) else None
        self.root = letters[: letters.rfind("/") + 1]
        automaton = _Automaton(tokens[len(self.root) :])
        self.edges, self.final = automaton.edges, automaton.final


def _tokens(text: str, separator: str) -> List[Token]:
    escape = "\\" if separator == "/" else ""
    tokens: List[Token] = []
    at = 0
    while at < len(text):
        letter = text[at]
        at += 1
        if letter == escape and at < len(text):
            tokens.append(text[at])
            at += 1
        elif letter == separator:
            tokens.append("/")
        elif letter == "*":
            deep = text.startswith("*", at)
            tokens.append(_DEEP_STAR if deep else _STAR)
            at += deep
        elif letter == "[" and at < len(text):
            label, at = _class(text, at, escape)
            tokens.append(label)
        elif letter == "?":
            tokens.append((ANY_BUT_SLASH, ""))
        else:
            tokens.append(_SIGNS.get(letter, letter))
    return tokens


def _class(text: str, at: int, escape: str) -> "Tuple[Tuple[str, str], int]":
    kind = LISTED
    if text.startswith("^", at):
        kind = NOT_LISTED
        at += 1
    letters: List[str] = []
    while at < len(text):
        letter = text[at]
        at += 1
        if letter == "]":
            return (kind, "".join(letters)), at
        if letter == escape and at < len(text):
            letter = text[at]
            at += 1
        letters.append(letter)
    negated = "negated " if kind == NOT_LISTED else ""
    raise BadPathPattern(f"unterminated {negated}char class - missing closing square bracket")


def _with_home(tokens: List[Token], home: str) -> List[Token]:
    return [*home.rstrip("/"), *tokens[1:]] if home and tokens[:2] == ["~", "/"] else tokens


def _with_folders(tokens: List[Token]) -> List[Token]:
    folders: List[Token] = []
    at = 0
    if tokens[:2] == [_DEEP_STAR, "/"]:
        folders.append(_FOLDERS)
        at = 2
    while at < len(tokens):
        piece = tokens[at : at + 3] if tokens[at] == "/" else tokens[at : at + 1]
        if piece == ["/", _DEEP_STAR, "/"]:
            piece = ["/", _FOLDERS]
            at += 1
        elif piece[1:2] != [_DEEP_STAR]:
            piece = piece[:2]
        folders += piece
        at += len(piece)
    return folders


def _literal_beginning(tokens: List[Token]) -> List[str]:
    letters: List[str] = []
    for token in tokens:
        if not isinstance(token, str) or len(token) > 1:
            break
        letters.append(token)
    return letters


class _Automaton:
    """Places are numbers; `edges[place]` are (label, place)."""

    def __init__(self, tokens: List[Token]) -> None:
        self.edges: List[List[Edge]] = [[]]
        self.final = self._join(0, tokens)
        self._behind: Dict[int, int] = {}
        self._shorten()

    def _join(self, state: int, tokens: List[Token]) -> int:
        """Add the tokens behind a place; return the last place."""
        braces: List[Tuple[int, int]] = []  # of those open: where the alternatives begin, and where they end
        for token in tokens:
            if not braces:
                token = _OUTSIDE_BRACES.get(token, token) if isinstance(token, str) else token
            if token in (_STAR, _DEEP_STAR):
                self.edges[state].append(((ANY if token == _DEEP_STAR else ANY_BUT_SLASH, ""), state))
            elif token == _FOLDERS:
                state = self._folders(state)
            elif token == _OPEN:
                braces.append((state, self._new()))
                state = self._edge(state, None)
            elif token == _COMMA:
                begin, end = braces[-1]
                self.edges[state].append((None, end))
                state = self._edge(begin, None)
            elif token == _CLOSE:
                _, end = braces.pop()
                self.edges[state].append((None, end))
                state = end
            else:
                state = self._edge(state, token)
        if braces:
            raise BadPathPattern("unterminated alternation - missing closing brace")
        return state

    def _folders(self, state: int) -> int:
        """Any number of folders, each with its "/"."""
        end = self._new()
        star = self._edge(state, None)
        self.edges[state].append((None, end))
        self.edges[star] += [((ANY, ""), star), ("/", end)]
        return end

    def _shorten(self) -> None:
        """Let the edges that can be reached pass over places from which there is a single way on."""
        reached, left = {0}, [0]
        while left:
            state = left.pop()
            self.edges[state] = [self._shortened(label, to) for label, to in self.edges[state]]
            fresh = {to for _, to in self.edges[state]} - reached
            reached |= fresh
            left += fresh

    def _shortened(self, label: Label, to: int) -> Edge:
        to = self._behind_empty_edges(to)
        if label is None and len(self.edges[to]) == 1:
            label, to = self.edges[to][0]
            to = self._behind_empty_edges(to)
        return label, to

    def _behind_empty_edges(self, state: int) -> int:
        """Return where empty edges lead that are the only ones of their places; the way is remembered."""
        passed = []
        while state in self._behind or (len(self.edges[state]) == 1 and self.edges[state][0][0] is None):
            passed.append(state)
            state = self._behind[state] if state in self._behind else self.edges[state][0][1]
        self._behind.update((step, state) for step in passed)
        return state

    def _edge(self, state: int, label: Label) -> int:
        to = self._new()
        self.edges[state].append((label, to))
        return to

    def _new(self) -> int:
        self.edges.append([])
        return len(self.edges) - 1
