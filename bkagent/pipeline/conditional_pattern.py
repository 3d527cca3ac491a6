"""Regular expressions of a condition."""

from __future__ import annotations

import json
import re
import subprocess
import sys

from bkagent.config import environment
from bkagent.pipeline.conditional_words import wrong

_REFUSED = (
    (re.compile(r"\(\?<[=!]"), "looking behind"),
    (re.compile(r"\(\?>"), "an atomic group"),
    (re.compile(r"\(\?(P?<|')"), "a named group"),
    (re.compile(r"\(\?\("), "a condition"),
    (re.compile(r"(?<!\\)[*+?}]\+"), "a possessive quantifier"),
)


# Two repetitions can take Python's matcher forever, and nothing stops it but the end of its process.
_REPETITION = re.compile(r"\\.|([*+]|\{\d*,\d*\})", re.DOTALL)
LONGEST_S = 2.0
_IN_CHILD = """
import json, re, sys
body, flags, text = json.load(sys.stdin)
sys.exit(10 if re.search(body, text, flags) else 11)
"""
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
            self._slow = sum(1 for found in _REPETITION.finditer(body) if found.group(1)) > 1
            self._at = at
        except (re.error, OverflowError, RecursionError) as error:
            wrong(at, f"the regular expression cannot be read: {error}")

    def found_in(self, text: str) -> bool:
        """Say whether it matches anywhere in the text. Raises PipelineError where that takes too long."""
        if not self._slow:
            return self._compiled.search(text) is not None
        given = json.dumps([self._compiled.pattern, self._compiled.flags & ~re.UNICODE, text])
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-S", "-c", _IN_CHILD], input=given.encode(), env=environment.read(),
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=LONGEST_S, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            wrong(self._at, f"the regular expression found no answer within {LONGEST_S:.0f} s; make it simpler")
        except OSError as error:
            wrong(self._at, f"the regular expression cannot be tried: {error.strerror}")
        if done.returncode not in (10, 11):
            wrong(self._at, "the regular expression cannot be tried: its process ended early")
        return done.returncode == 10


def _as_python(body: str) -> str:
    return _ESCAPE.sub(lambda match: _AS_PYTHON.get(match.group(1), match.group()), body)
