"""Regular expressions of a condition."""

from __future__ import annotations

import re

from bkagent.pipeline.conditional_words import wrong

_REFUSED = (
    (re.compile(r"\(\?<[=!]"), "looking behind"),
    (re.compile(r"\(\?>"), "an atomic group"),
    (re.compile(r"\(\?(P?<|')"), "a named group"),
    (re.compile(r"\(\?\("), "a condition"),
    (re.compile(r"(?<!\\)[*+?}]\+"), "a possessive quantifier"),
)


_ESCAPE = re.compile(r"\\(.)")
_AS_PYTHON = {"z": r"\Z", "Z": r"(?=\n?\Z)", "h": "[0-9a-fA-F]", "/": "/"}


class Pattern:
    """One regular expression. `^` and `$` stand for the ends of lines, as they do in Ruby."""

    def __init__(self, text: str, at: int) -> None:
        body, _, flags = text[1:].rpartition("/")
        if flags not in ("", "i"):
            wrong(at, f'"{flags}" is no flag of a regular expression; only i is')
        for refused, name in _REFUSED:
            if refused.search(body):
                wrong(at, f"{name} is not allowed in a regular expression")
        try:
            self._compiled = re.compile(_as_python(body), re.MULTILINE | (re.IGNORECASE if flags else 0))
        except (re.error, OverflowError, RecursionError) as error:
            wrong(at, f"the regular expression cannot be read: {error}")

    def found_in(self, text: str) -> bool:
        """Say whether it matches anywhere in the text."""
        return self._compiled.search(text) is not None


def _as_python(body: str) -> str:
    return _ESCAPE.sub(lambda match: _AS_PYTHON.get(match.group(1), match.group()), body)
