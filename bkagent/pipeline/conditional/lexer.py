"""Split a condition into words, each with the column where it begins."""

from __future__ import annotations

import re
from typing import List, NamedTuple, NoReturn

from bkagent.pipeline.errors import PipelineError

LONGEST_CONDITION = 16384
# A regular expression may stand only after these; anywhere else "/" has no meaning.
BEFORE_PATTERN = ("=~", "!~", "includes")

_WORD = re.compile(
    r"""(?P<blank>\s+|//[^\n]*)
      | (?P<operator>==|!=|=~|!~|&&|\|\||[!?:(),\[\]])
      | (?P<number>-?\d+(?![\w.]))
      | (?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)
      | (?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
      | (?P<expansion>\$[A-Za-z_]\w*|\$\{[^{}]*\})
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_PATTERN = re.compile(r"/((?:[^/\\\n\[]|\\.|\[(?:[^\]\\\n]|\\.)*\])*)/([a-z]*)")


class Word(NamedTuple):
    """One word. `kind` is operator, number, name, text, expansion, pattern or end; `at` counts from 0."""

    kind: str
    text: str
    at: int


def error_at(at: int, sentence: str) -> NoReturn:
    """Raise the error for this position of the condition."""
    raise PipelineError(f"column {at + 1}: {sentence}")


def split(text: str) -> List[Word]:
    """Return the words of a condition and a last one of the kind "end".

    Raises PipelineError with the column of an invalid word.
    """
    if len(text) > LONGEST_CONDITION:
        error_at(LONGEST_CONDITION, f"the condition is longer than {LONGEST_CONDITION} characters")
    words: List[Word] = []
    at = 0
    while at < len(text):
        match = None
        if text[at] == "/" and words and words[-1].text in BEFORE_PATTERN and words[-1].kind != "text":
            match = _PATTERN.match(text, at)
        kind = "pattern"
        if match is None:
            match = _WORD.match(text, at)
            if match is None:
                _no_word(text, at)
            kind = str(match.lastgroup)
        if kind != "blank":
            words.append(Word(kind, match.group(), at))
        at = match.end()
    words.append(Word("end", "", len(text)))
    return words


def _no_word(text: str, at: int) -> NoReturn:
    letter = text[at]
    if letter in "'\"":
        error_at(at, f"the text that starts here has no closing {letter}")
    if letter == "/":
        error_at(at, "a regular expression must stand after =~, !~ or includes, and end with / on the same line")
    if letter == "$":
        error_at(at, "expected the name of a variable after $, or ${...}")
    if letter in "&|=":
        error_at(at, f"expected an operator such as ==, !=, =~, && or ||, found {letter}")
    error_at(at, f'"{letter}" is not allowed here')
