"""Interpolation: `$NAME`, `${NAME}`, `${NAME:-text}`, `${NAME-text}`, `${NAME?text}`, `${NAME:offset:length}`.

A text is read whole before anything is put in, so that a mistake in a default that is not taken is still
found. `$$` and `\\$` stand for a dollar sign. What is put in is not looked at again.
"""

from __future__ import annotations

import re
from typing import Callable, List, Mapping, NoReturn, Optional, Tuple, Union

from bkagent.pipeline.errors import PipelineError
from bkagent.wire import go_text

Environ = Mapping[str, str]
Part = Union[str, Callable[[Environ], str]]
DEEPEST = 50
_OUTSIDE = re.compile(r"[\\$]")
_INSIDE = re.compile(r"[\\$}]")
_NAME = re.compile(r"[^\W\d_]\w*")
_NUMBER = re.compile(r"[+-]?0*[0-9]{1,19}")
_LARGEST = 2**63 - 1


def interpolate(text: str, environ: Environ) -> str:
    """Return the text with its variables interpolated; unset variables are "".

    Raises PipelineError for an invalid expansion, and for `${NAME?text}` without the variable.
    """
    if "$" not in text:
        return text
    return _fill(_ExpansionParser(text).whole(), environ)


def expansions(text: str) -> List[str]:
    """Return what would be replaced in a text, as it stands there, escaped dollar signs included.

    Raises PipelineError for an invalid expansion.
    """
    parser = _ExpansionParser(text)
    parser.whole()
    return parser.expansions


def _fill(parts: List[Part], environ: Environ) -> str:
    return "".join(part if isinstance(part, str) else part(environ) for part in parts)


class _ExpansionParser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.expansions: List[str] = []

    def whole(self) -> List[Part]:
        return self._parts(0)

    def _parts(self, depth: int) -> List[Part]:
        """Read up to the end, or inside braces (depth > 0) up to the next "}", which stays unread."""
        if depth > DEEPEST:
            self._wrong(f"expansions are nested more than {DEEPEST} levels deep")
        text, parts = self.text, []  # type: str, List[Part]
        sign = _INSIDE if depth else _OUTSIDE
        while True:
            match = sign.search(text, self.at)
            end = match.start() if match else len(text)
            if end > self.at:
                parts.append(text[self.at : end])
            self.at = end
            if match is None or match.group() == "}":
                return parts
            part = self._special(match.group(), text[end + 1 : end + 2], depth)
            parts.append(part)
            if not isinstance(part, str) or text[end : self.at] in ("$$", "\\$"):
                self.expansions.append(text[end : self.at])

    def _special(self, sign: str, following: str, depth: int) -> Part:
        if sign == "\\":
            self.at += 2 if following in ("\\", "$") and following else 1
            return {"\\": "\\\\", "$": "$"}.get(following, "\\")
        if following == "{":
            self.at += 2
            return self._braces(depth)
        if following in ("$", "(") and following:
            self.at += 2
            return {"$": "$", "(": "$("}[following]
        self.at += 1
        name = self._name()
        return _value_of(name) if name else "$"

    def _name(self) -> str:
        match = _NAME.match(self.text, self.at)
        # The pattern's first letter may also be a number such as "²", which begins no name.
        if match is None or not match.group()[0].isalpha():
            return ""
        self.at = match.end()
        return match.group()

    def _braces(self, depth: int) -> Part:
        name = self._name()
        if not name:
            self._wrong(f"Expected identifier to start with a letter, got {self._here()}")
        text, at = self.text, self.at
        operator = text[at : at + 1]
        if operator == "}":
            self.at += 1
            return _value_of(name)
        if operator == ":" and text[at + 1 : at + 2] != "-":
            return self._substring(name)
        if operator not in (":", "-", "?"):
            self._wrong(f"Expected an operator, got {self._here()}")
        self.at += 2 if operator == ":" else 1
        parts = self._parts(depth + 1)
        if self.text[self.at : self.at + 1] != "}":
            self._wrong(f"Expected brace expansion to end with }}, got {self._here()}")
        self.at += 1
        return _required(name, parts) if operator == "?" else _with_default(name, parts, operator == ":")

    def _substring(self, name: str) -> Part:
        end = self.text.find("}", self.at)
        if end < 0:
            self._wrong(f"Expected brace expansion to end with }}, got the end of the text after ${{{name}:")
        offset, colon, length = self.text[self.at + 1 : end].partition(":")
        start = self._number("offset", offset)
        count = self._number("length", length) if colon else None
        self.at = end + 1
        return lambda environ: _part(environ.get(name, ""), start, count)

    def _number(self, what: str, text: str) -> int:
        digits = go_text.trim(text)
        if not _NUMBER.fullmatch(digits) or not -_LARGEST - 1 <= int(digits) <= _LARGEST:
            self._wrong(f'Unable to parse {what}: expected a whole number, got "{text}"')
        return int(digits)

    def _here(self) -> str:
        letter = self.text[self.at : self.at + 1]
        return f'"{letter}"' if letter else "the end of the text"

    def _wrong(self, sentence: str) -> NoReturn:
        shown = self.text if len(self.text) <= 80 else self.text[:77] + "..."
        raise PipelineError(f"{sentence} (character {self.at + 1} of `{shown}`; $$ stands for a dollar sign)")


def _value_of(name: str) -> Part:
    return lambda environ: environ.get(name, "")


def _with_default(name: str, parts: List[Part], also_when_empty: bool) -> Part:
    def answer(environ: Environ) -> str:
        value = environ.get(name)
        if value is None or (also_when_empty and not value):
            return _fill(parts, environ)
        return value

    return answer


def _required(name: str, parts: List[Part]) -> Part:
    def answer(environ: Environ) -> str:
        value = environ.get(name)
        if value is None:
            raise PipelineError(f"${name}: {_fill(parts, environ) or 'not set'}")
        return value

    return answer


def _part(text: str, offset: int, length: Optional[int]) -> str:
    """Return a part counted in bytes of UTF-8; a negative offset or length counts from the end."""
    whole = text.encode("utf-8", "surrogateescape")
    start, end = _bounds(len(whole), offset, length)
    return whole[start:end].decode("utf-8", "replace")


def _bounds(size: int, offset: int, length: Optional[int]) -> Tuple[int, int]:
    start = max(size + offset, 0) if offset < 0 else min(offset, size)
    if length is None:
        return start, size
    end = size + length if length < 0 else start + length
    return start, min(max(end, start), size)
