"""From the text of a pattern to its parts.

Source: https://pkg.go.dev/regexp/syntax, with the flags that regexp.Compile sets (Perl's syntax, `^` and `$` for the
ends of the text). What captures, and whether a repetition is greedy, makes no difference to whether a text matches.
"""

from __future__ import annotations

from dataclasses import replace
from typing import List, NamedTuple, Optional, Tuple

from bkagent.regexp.class_parser import ClassParser
from bkagent.regexp.classes import CharacterSet
from bkagent.regexp.escapes import read_escape
from bkagent.regexp.syntax import Alternation, Assertion, Node, PatternError, Repeat, Sequence
from bkagent.wire.digits import is_whole

MOST_REPEATS = 1000  # as in Go
DEEPEST = 100
_ANY = CharacterSet(is_negated=True)
_ANY_BUT_NEWLINE = CharacterSet(((10, 10),), is_negated=True)
_ASSERTIONS = {"A": "text start", "z": "text end", "b": "boundary", "B": "no boundary"}
_REPETITIONS = {"*": (0, None), "+": (1, None), "?": (0, 1)}


class _Flags(NamedTuple):
    ignores_case: bool = False
    many_lines: bool = False
    dot_takes_newline: bool = False


def parse(text: str, ignores_case: bool = False) -> Node:
    """Return what the pattern says. Raises PatternError."""
    parser = _Parser(text)
    node = parser.choice(_Flags(ignores_case), 0)
    if parser.at < len(text):
        raise PatternError("unexpected )")
    return node


class _Parser:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def choice(self, flags: _Flags, depth: int) -> Node:
        """Read up to the end of the group."""
        if depth > DEEPEST:
            raise PatternError(f"groups are nested more than {DEEPEST} deep")
        parts: List[Node] = []
        sequence: List[Node] = []
        was_repeated = False
        while self.at < len(self.text) and self.text[self.at] != ")":
            character = self.text[self.at]
            repetition = self._repetition()
            if repetition is not None:
                if was_repeated:
                    raise PatternError("invalid nested repetition operator")
                if not sequence:
                    raise PatternError(f"missing argument to repetition operator: {character}")
                sequence[-1] = _repeated(sequence[-1], *repetition)
                was_repeated = True
                continue
            was_repeated = False
            if character == "|":
                self.at += 1
                parts.append(Sequence(tuple(sequence)))
                sequence = []
                continue
            if character == "(":
                flags, group = self._group(flags, depth)
                sequence += [] if group is None else [group]
            else:
                sequence += self._atom(character, flags)
        parts.append(Sequence(tuple(sequence)))
        return parts[0] if len(parts) == 1 else Alternation(tuple(parts))

    def _repetition(self) -> "Optional[Tuple[int, Optional[int]]]":
        character = self.text[self.at]
        if character in _REPETITIONS:
            self.at += 1
            bounds: "Tuple[int, Optional[int]]" = _REPETITIONS[character]
        elif character == "{":
            end = self.text.find("}", self.at)
            counts = _counts(self.text[self.at + 1 : end]) if end >= 0 else None
            if counts is None:
                return None
            self.at, bounds = end + 1, counts
        else:
            return None
        if self.text[self.at : self.at + 1] == "?":
            self.at += 1
        return bounds

    def _group(self, flags: _Flags, depth: int) -> "Tuple[_Flags, Optional[Node]]":
        """Read a group; return the flags that hold after it, and None for one that only sets flags."""
        self.at += 1
        inner = flags
        if self.text[self.at : self.at + 1] == "?":
            inner, ends = self._group_head(flags)
            if ends:
                return inner, None
        node = self.choice(inner, depth + 1)
        if self.at >= len(self.text):
            raise PatternError("missing closing )")
        self.at += 1
        return flags, node

    def _group_head(self, flags: _Flags) -> "Tuple[_Flags, bool]":
        """Read from `?` on; return the flags inside, and whether the group ends with them, as in `(?i)`."""
        for opening in ("?P<", "?<"):
            if self.text.startswith(opening, self.at) and self.text[self.at + 2 : self.at + 3] not in ("=", "!"):
                self._name(self.at + len(opening))
                return flags, False
        end = self.at + 1
        while self.text[end : end + 1] and self.text[end] not in ":)":
            end += 1
        words = self.text[self.at + 1 : end]
        closing = self.text[end : end + 1]
        self.at = end + 1
        return _with_flags(flags, words, closing), closing == ")"

    def _name(self, start: int) -> None:
        end = self.text.find(">", start)
        name = self.text[start:end] if end >= 0 else ""
        if not name or not all(letter.isascii() and (letter.isalnum() or letter == "_") for letter in name):
            raise PatternError("invalid named capture")
        self.at = end + 1

    def _atom(self, character: str, flags: _Flags) -> "List[Node]":
        if character == "[":
            reader = ClassParser(self.text, self.at)
            node, self.at = reader.read(), reader.at
            return [replace(node, ignores_case=flags.ignores_case)]
        if character == "\\":
            return self._escape(flags)
        self.at += 1
        if character == ".":
            return [_ANY if flags.dot_takes_newline else _ANY_BUT_NEWLINE]
        if character in "^$":
            edge = "start" if character == "^" else "end"
            return [Assertion(f"{'line' if flags.many_lines else 'text'} {edge}")]
        return [_literal(character, flags)]

    def _escape(self, flags: _Flags) -> "List[Node]":
        letter = self.text[self.at + 1 : self.at + 2]
        if letter in _ASSERTIONS and letter:
            self.at += 2
            return [Assertion(_ASSERTIONS[letter])]
        if letter == "Q":
            end = self.text.find("\\E", self.at)
            quoted = self.text[self.at + 2 : end] if end >= 0 else self.text[self.at + 2 :]
            self.at = end + 2 if end >= 0 else len(self.text)
            return [_literal(character, flags) for character in quoted]
        node, self.at = read_escape(self.text, self.at)
        return [replace(node, ignores_case=flags.ignores_case)]


def _literal(character: str, flags: _Flags) -> CharacterSet:
    return CharacterSet(((ord(character), ord(character)),), ignores_case=flags.ignores_case)


def _with_flags(flags: _Flags, words: str, closing: str) -> _Flags:
    on, minus, off = words.partition("-")
    if not closing or (minus and not off) or any(letter not in "imsU" for letter in on + off):
        raise PatternError(f"invalid or unsupported Perl syntax: (?{words}{closing}")
    for letters, value in ((on, True), (off, False)):
        changes = {"i": "ignores_case", "m": "many_lines", "s": "dot_takes_newline"}
        flags = flags._replace(**{changes[letter]: value for letter in letters if letter in changes})
    return flags


def _counts(text: str) -> "Optional[Tuple[int, Optional[int]]]":
    """Return the bounds of `{2}`, `{2,}` or `{2,5}`; None for other texts, which stand for themselves."""
    low, comma, high = text.partition(",")
    if not _is_number(low) or (high and not _is_number(high)):
        return None
    if len(low) > 4 or len(high) > 4:
        raise PatternError(f"invalid repeat count: {{{text[:20]}}}")
    least = int(low)
    most = least if not comma else (int(high) if high else None)
    if least > MOST_REPEATS or (most is not None and (most > MOST_REPEATS or most < least)):
        raise PatternError(f"invalid repeat count: {{{text}}}")
    return least, most


def _is_number(text: str) -> bool:
    return is_whole(text, len(text)) and (text == "0" or text[0] != "0")


def _repeated(part: Node, low: int, high: Optional[int]) -> Repeat:
    node = Repeat(part, low, high)
    if _most_copies(node) > MOST_REPEATS:
        raise PatternError("invalid repeat count: repetitions of repetitions are too many")
    return node


def _most_copies(node: Node) -> int:
    """Return how often the innermost part of nested counts is copied."""
    if isinstance(node, (Sequence, Alternation)):
        return max((_most_copies(part) for part in node.parts), default=1)
    if not isinstance(node, Repeat):
        return 1
    count = node.high if node.high is not None else max(node.low, 1)
    return max(count, 1) * _most_copies(node.part)
