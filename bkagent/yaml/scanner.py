"""Split a YAML text into tokens, a document at a time.

A key is known only by the ":" behind it, so each place where one may begin is kept as a candidate; when the ":"
comes, the tokens KEY (and BLOCK_MAPPING_START, where the mapping begins) are put in front of it.
"""

from __future__ import annotations

import re
from typing import Callable, Dict, List, NamedTuple, Optional

from bkagent.yaml import tokens as t
from bkagent.yaml.scan_block import block
from bkagent.yaml.scan_names import directive, name, tag
from bkagent.yaml.scan_plain import DOCUMENT_MARK, Read, plain
from bkagent.yaml.scan_quoted import double, single
from bkagent.yaml.text import END, Text
from bkagent.yaml.tokens import Token

# A key and its ":" stand on one line, at most this far apart. Source: YAML 1.2, implicit keys.
LONGEST_KEY = 1024
DEEPEST_FLOW = 1000
_SPACES = re.compile(r" *(?:[ \t]*(?:#[^\n\0]*)?(?=[\n\0]))?")
_BLANKS = re.compile(r"[ \t]*(?:#[^\n\0]*)?")
_LINES = re.compile(r"(?:\n *(?:[ \t]*(?:#[^\n\0]*)?(?=[\n\0]))?)+")
_FLOW_LINES = re.compile(r"(?:\n[ \t]*(?:#[^\n\0]*)?)+")
_NO_PLAIN_START = frozenset("-?:,[]{}#&*!|>'\"%@` \t\n\0")
_BLANK = " \t\n\0"


class Candidate(NamedTuple):
    """Where a key may begin: the token it would stand before, its place, line and column."""

    place: int
    at: int
    line_start: int
    required: bool


class Scanner:
    """Reads a text from front to back. `take_document` gives the tokens up to the next boundary."""

    def __init__(self, text: Text) -> None:
        self.text = text
        self.characters = text.characters
        self.at = 0
        self.line_start = 0
        self.tokens: List[Token] = []
        self.indent = -1
        self.indents: List[int] = []
        self.key_allowed = True
        self.candidates: List[Optional[Candidate]] = [None]  # one for each level of brackets, and one outside
        self.flow: List[str] = []

    def take_document(self) -> List[Token]:
        """Return the tokens up to the next DOCUMENT_START or the STREAM_END, which is the last of them."""
        self.tokens = []
        while not self.tokens or self.tokens[-1].kind not in (t.DOCUMENT_START, t.STREAM_END):
            self._next()
        return self.tokens

    def _next(self) -> None:
        self._skip()
        at = self.at
        letter = self.characters[at]
        column = at - self.line_start
        if not self.flow:
            while self.indent > column:
                self._unindent(at)
        if letter == END:
            self._end()
            return
        if column == 0 and letter in "-.%" and self._at_line_start(letter):
            return
        following = self.characters[at + 1]
        if letter in "-?:" and (following in _BLANK or (letter != "-" and self.flow)):
            _INDICATORS[letter](self)
        elif letter in _SPECIAL:
            _SPECIAL[letter](self)
        elif letter in "|>" and not self.flow:
            self._drop_candidate()
            self.key_allowed = True
            self._scalar(block(self.text, at, self.indent))
        elif letter in _NO_PLAIN_START and (letter not in "-?:" or following in _BLANK):
            self._no_token(letter)
        else:
            self._candidate()
            self.key_allowed = False
            self._scalar(plain(self.text, at, self.indent + 1, bool(self.flow)))

    def _skip(self) -> None:
        """Go past blanks, comments and line ends to what comes next."""
        characters = self.characters
        blanks = _SPACES if self.key_allowed and not self.flow else _BLANKS
        match = blanks.match(characters, self.at)
        assert match is not None
        at = match.end()
        if characters[at] == "\n":
            lines = (_FLOW_LINES if self.flow else _LINES).match(characters, at)
            assert lines is not None
            self.line_start = characters.rfind("\n", at, lines.end()) + 1
            at = lines.end()
            if not self.flow:
                self.key_allowed = True
        self.at = at

    def _at_line_start(self, letter: str) -> bool:
        """Read what has a meaning only at the start of a line: directives and document marks."""
        if letter == "%":
            if self.flow:
                return False
            self._end_blocks()
            read = directive(self.text, self.at)
            self.tokens.append(Token(t.DIRECTIVE, self.at, read.text))
            self.at = read.end
            return True
        if not DOCUMENT_MARK.match(self.characters, self.at):
            return False
        if self.flow:
            self.text.wrong(self.at, f"expected {self._closing()}, found the mark of another document")
        self._end_blocks()
        self.tokens.append(Token(t.DOCUMENT_START if letter == "-" else t.DOCUMENT_END, self.at))
        self.at += 3
        return True

    def _end(self) -> None:
        if self.flow:
            what = f"expected {self._closing()} for the bracket that opens here, found the end of the text"
            self.text.wrong(self._open_bracket(), what)
        self._end_blocks()
        self.tokens.append(Token(t.STREAM_END, self.at))

    def _end_blocks(self) -> None:
        while self.indent > -1:
            self._unindent(self.at)
        self._drop_candidate()
        self.key_allowed = False

    def _unindent(self, at: int) -> None:
        self.tokens.append(Token(t.BLOCK_END, at))
        self.indent = self.indents.pop()

    def _indent_to(self, column: int, kind: str, at: int, index: Optional[int] = None) -> None:
        """Begin a block collection where the line is indented deeper than the one around it."""
        if self.flow or self.indent >= column:
            return
        self.indents.append(self.indent)
        self.indent = column
        self.tokens.insert(len(self.tokens) if index is None else index, Token(kind, at))

    # Candidates for keys

    def _candidate(self) -> None:
        if self.key_allowed:
            required = not self.flow and self.indent == self.at - self.line_start
            self._drop_candidate()
            self.candidates[-1] = Candidate(len(self.tokens), self.at, self.line_start, required)

    def _drop_candidate(self) -> None:
        old = self.candidates[-1]
        if old is not None and old.required:
            self.text.wrong(old.at, "expected a key with a colon behind it, as in `key: value`, on one line")
        self.candidates[-1] = None

    def _valid_candidate(self) -> Optional[Candidate]:
        key = self.candidates[-1]
        if key is None:
            return None
        if key.line_start == self.line_start and self.at - key.at <= LONGEST_KEY:
            return key
        self._drop_candidate()
        return None

    # Tokens

    def _scalar(self, read: Read) -> None:
        letter = self.characters[self.at]
        self.tokens.append(Token(t.SCALAR, self.at, read.text, letter if letter in "'\"|>" else ""))
        last_break = self.characters.rfind("\n", self.at, read.end)
        if last_break >= 0:
            self.line_start = last_break + 1
        self.at = read.end

    def _quoted(self) -> None:
        self._candidate()
        self.key_allowed = False
        self._scalar((single if self.characters[self.at] == "'" else double)(self.text, self.at))

    def _named(self) -> None:
        self._candidate()
        self.key_allowed = False
        letter = self.characters[self.at]
        read = tag(self.text, self.at) if letter == "!" else name(self.text, self.at)
        kind = {"!": t.TAG, "&": t.ANCHOR, "*": t.ALIAS}[letter]
        self.tokens.append(Token(kind, self.at, read.text))
        self.at = read.end

    def _one(self, kind: str) -> None:
        self.tokens.append(Token(kind, self.at))
        self.at += 1

    def _open(self) -> None:
        letter = self.characters[self.at]
        self._candidate()
        if len(self.flow) >= DEEPEST_FLOW:
            self.text.wrong(self.at, f"expected at most {DEEPEST_FLOW} brackets inside each other, found more")
        self.flow.append("]" if letter == "[" else "}")
        self.candidates.append(None)
        self.key_allowed = True
        self._one(letter)

    def _close(self) -> None:
        letter = self.characters[self.at]
        if not self.flow:
            self.text.wrong(self.at, f'expected a value, found "{letter}" without an opening bracket')
        if self.flow[-1] != letter:
            self.text.wrong(self.at, f'expected , or {self.flow[-1]}, found "{letter}"')
        self.candidates.pop()
        self.flow.pop()
        self.key_allowed = False
        self._one(letter)

    def _comma(self) -> None:
        if not self.flow:
            self._no_token(",")
        self.candidates[-1] = None
        self.key_allowed = True
        self._one(t.FLOW_ENTRY)

    def _entry(self) -> None:
        if not self.flow:
            if not self.key_allowed:
                self.text.wrong(self.at, 'expected a value, found "-"; a list begins on a line of its own')
            self._indent_to(self.at - self.line_start, t.BLOCK_SEQUENCE_START, self.at)
        self._drop_candidate()
        self.key_allowed = True
        self._one(t.BLOCK_ENTRY)

    def _question(self) -> None:
        if not self.flow:
            if not self.key_allowed:
                self.text.wrong(self.at, 'expected a value, found "?"; put the text in quotes')
            self._indent_to(self.at - self.line_start, t.BLOCK_MAPPING_START, self.at)
        self._drop_candidate()
        self.key_allowed = not self.flow
        self._one(t.KEY)

    def _colon(self) -> None:
        key = self._valid_candidate()
        if key is not None:
            self.tokens.insert(key.place, Token(t.KEY, key.at))
            self._indent_to(key.at - key.line_start, t.BLOCK_MAPPING_START, key.at, key.place)
            self.candidates[-1] = None
            self.key_allowed = False
        else:
            if not self.flow:
                if not self.key_allowed:
                    self.text.wrong(self.at, 'expected the value to end, found ":"; a string with ": " needs quotes')
                self._indent_to(self.at - self.line_start, t.BLOCK_MAPPING_START, self.at)
            self.key_allowed = not self.flow
        self._one(t.VALUE)

    # Messages

    def _no_token(self, letter: str) -> None:
        if letter == "\t":
            self.text.wrong(self.at, "expected spaces for the indentation, found a tab")
        found = self.text.found(self.at)
        self.text.wrong(self.at, f"expected a value, found {found}; a string that begins with it needs quotes")

    def _closing(self) -> str:
        return f'a closing "{self.flow[-1]}"' if self.flow else "a value"

    def _open_bracket(self) -> int:
        """Return the place of the innermost bracket that is still open."""
        depth = 0
        for token in reversed(self.tokens):
            if token.kind in (t.FLOW_SEQUENCE_END, t.FLOW_MAPPING_END):
                depth += 1
            elif token.kind in (t.FLOW_SEQUENCE_START, t.FLOW_MAPPING_START):
                if depth == 0:
                    return token.at
                depth -= 1
        return self.at


_INDICATORS: Dict[str, Callable[[Scanner], None]] = {
    "-": Scanner._entry, "?": Scanner._question, ":": Scanner._colon,
}  # fmt: skip
_SPECIAL: Dict[str, Callable[[Scanner], None]] = {
    "[": Scanner._open, "{": Scanner._open, "]": Scanner._close, "}": Scanner._close, ",": Scanner._comma,
    "'": Scanner._quoted, '"': Scanner._quoted, "&": Scanner._named, "*": Scanner._named, "!": Scanner._named,
}  # fmt: skip
