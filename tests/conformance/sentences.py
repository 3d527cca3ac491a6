"""The sentences of the command line that are declared as our own, and whether a line is one of them."""

import json
import re
from pathlib import Path
from typing import List

FILE = Path(__file__).with_name("sentences.json")
SENTENCES: "List[str]" = json.loads(FILE.read_text(encoding="utf-8"))["sentences"]
_PLACEHOLDER = re.compile(r"\{[a-z]+\}")
_COLOUR = re.compile(r"(?:\x1b|\\x1b)\[[\d;]*m")
_TIME = r"(?:<time>|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)"
_BEGINNING = re.compile(r"^\s*(?:" + _TIME + r" +[A-Z]+ +)?(?:[a-z-]+: (?:fatal|warning): )?")


def _pattern(sentence: str) -> str:
    literals = _PLACEHOLDER.split(sentence)
    return "(?:.*)".join(map(re.escape, literals))


_ALL = re.compile("|".join(f"(?:{_pattern(sentence)})" for sentence in SENTENCES))


def is_declared(line: str) -> bool:
    """Say whether a line is a declared sentence, whatever its time, its level, its colours and the program's name."""
    return _ALL.fullmatch(_BEGINNING.sub("", _COLOUR.sub("", line)).rstrip()) is not None


def literal_letters(sentence: str) -> int:
    """Return how many letters of a sentence stand for themselves."""
    return sum(letter.isalpha() for letter in _PLACEHOLDER.sub("", sentence))
