"""Regular expressions of a condition."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import Dict, Iterator, Optional, Tuple

from bkagent.config.sources import environment
from bkagent.pipeline.conditional.lexer import error_at

# Whether a pattern, with its flags, is found in a text.
Answers = Dict[Tuple[str, int, str], bool]

_REFUSED = (
    (re.compile(r"\(\?<[=!]"), "looking behind"),
    (re.compile(r"\(\?>"), "an atomic group"),
    (re.compile(r"\(\?(P?<|')"), "a named group"),
    (re.compile(r"\(\?\("), "a condition"),
    (re.compile(r"(?<!\\)[*+?}]\+"), "a possessive quantifier"),
)


# What Python's matcher may try, at most, where nothing can stop it: some tens of milliseconds.
MOST_STEPS = 2_000_000
LONGEST_CHARACTERS = 4000
LONGEST_S = 2.0
TOGETHER = "the regular expressions of this pipeline take too long; simplify them"
_TOKEN = re.compile(
    r"\\.|\[\^?\]?(?:[^\]\\]|\\.)*\]|(?P<groups>\)[*+{])|(?P<bar>\|)|(?P<many>[*+]|\{\d*,?\d*\})|(?P<perhaps>(?<!\()\?)",
    re.DOTALL,
)
# With the flag i Python looks at each letter of a range.
_WITHOUT_CASE = re.compile(r"\(\?[a-zA-Z]*i")
_WIDE_RANGE = re.compile(r"-(?:\\u[0-9a-fA-F]{4}|\\U[0-9a-fA-F]{8}|[^\x00-\u2fff])")
_IN_CHILD = """
import json, re, sys
body, flags, text = json.load(sys.stdin)
sys.exit(10 if re.search(body, text, flags) else 11)
"""
_ESCAPE = re.compile(r"\\(.)")
_AS_PYTHON = {"z": r"\Z", "Z": r"(?=\n?\Z)", "h": "[0-9a-fA-F]", "/": "/"}


class ConditionPattern:
    """One regular expression. `^` and `$` stand for the ends of lines, as they do in Ruby."""

    def __init__(self, text: str, at: int) -> None:
        body, _, flags = text[1:].rpartition("/")
        if flags not in ("", "i"):
            error_at(at, f'"{flags}" is not a regular expression flag; only i is supported')
        for refused, name in _REFUSED:
            if refused.search(body):
                error_at(at, f"{name} is not allowed in a regular expression")
        if len(body) > LONGEST_CHARACTERS:
            error_at(at, f"a regular expression may have at most {LONGEST_CHARACTERS} characters")
        if (flags or _WITHOUT_CASE.search(body)) and _WIDE_RANGE.search(body):
            error_at(at, "a range of this many letters cannot be combined with the flag i")
        self._body, self._at = body, at
        try:
            with spend(at):
                self._compiled = re.compile(_as_python(body), re.MULTILINE | (re.IGNORECASE if flags else 0))
        except (re.error, OverflowError, RecursionError) as error:
            error_at(at, f"invalid regular expression: {error}")

    def found_in(self, text: str) -> bool:
        """Return whether the pattern matches anywhere in the text. Raises PipelineError if that takes too long.

        Within a budget of time (`_budget`, of this thread) the same question is answered once.
        """
        question = (self._compiled.pattern, self._compiled.flags, text)
        if question in _budget.answers:
            return _budget.answers[question]
        with spend(self._at) as left_s:
            if steps_count(self._body, len(text)) <= MOST_STEPS:
                answer = self._compiled.search(text) is not None
            else:
                answer = self._search_in_child(text, min(LONGEST_S, left_s))
        if _budget.left_s < float("inf"):
            _budget.answers[question] = answer
        return answer

    def _search_in_child(self, text: str, longest_s: float) -> bool:
        """Search in a separate process, which can be killed."""
        given = json.dumps([self._compiled.pattern, self._compiled.flags & ~re.UNICODE, text])
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-S", "-c", _IN_CHILD], input=given.encode(), env=environment.read(),
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=longest_s, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            if longest_s < LONGEST_S:
                error_at(self._at, TOGETHER)
            error_at(self._at, f"the regular expression took longer than {longest_s:.0f} s; simplify it")
        except OSError as error:
            error_at(self._at, f"the regular expression cannot be evaluated: {error.strerror}")
        if done.returncode not in (10, 11):
            error_at(self._at, "the regular expression cannot be evaluated: its process ended early")
        return done.returncode == 10


def steps_count(body: str, length: int) -> int:
    """Return how many steps a search in a text of this length takes at most, more than MOST_STEPS where none is known.

    Each repetition of a letter may end anywhere in the text, each alternative may be tried again for what follows.
    """
    steps = max(1, length) * max(1, len(body))
    for token in _TOKEN.finditer(body):
        if token["groups"]:
            return MOST_STEPS + 1
        if token["many"]:
            steps *= max(1, length)
        elif token["bar"] or token["perhaps"]:
            steps *= 2
        if steps > MOST_STEPS:
            break
    return steps


class _Budget(threading.local):
    """The time left for the regular expressions of one document, endless without a limit, and their answers."""

    left_s = float("inf")

    def __init__(self) -> None:
        self.answers: Answers = {}


_budget = _Budget()


@contextmanager
def limit_time(seconds: float, answers: Optional[Answers] = None) -> Iterator[Answers]:
    """Limit the total time of all regular expressions of the block, on this thread.

    Yields the answers that they gave, `answers` among them: the same question is answered once.
    """
    _budget.left_s, _budget.answers = seconds, dict(answers or {})
    try:
        yield _budget.answers
    finally:
        _budget.left_s, _budget.answers = float("inf"), {}


@contextmanager
def spend(at: int) -> Iterator[float]:
    """Subtract the time of the block from the time left, which it yields. Raises PipelineError if none is left."""
    if _budget.left_s <= 0:
        error_at(at, TOGETHER)
    began = time.monotonic()
    try:
        yield _budget.left_s
    finally:
        _budget.left_s -= time.monotonic() - began


def _as_python(body: str) -> str:
    return _ESCAPE.sub(lambda match: _AS_PYTHON.get(match.group(1), match.group()), body)
