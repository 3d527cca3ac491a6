"""Patterns match what the reference's match."""

import json
import os
import random

import pytest

from bkagent.pipeline.path_pattern import PathPattern
from bkagent.pipeline.path_pattern_parser import BadPathPattern

VECTORS = os.path.join(os.path.dirname(__file__), "..", "data", "vectors", "glob-match.json")
PATTERNS = os.path.join(os.path.dirname(__file__), "..", "data", "path-patterns.json")
with open(VECTORS, encoding="utf-8") as file:
    RECORDED = json.load(file)


@pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: case["name"])
def test_recorded_matches(case):
    if "error" in case:
        with pytest.raises(BadPathPattern):
            PathPattern(case["pattern"])
        return
    pattern = PathPattern(case["pattern"])
    assert [path for path in RECORDED["about"]["paths"] if pattern.matches(path)] == case["matched"]


def test_patterns_match_what_they_match_with_the_reference():
    with open(PATTERNS, encoding="utf-8") as file:
        recorded = json.load(file)
    got = []
    for text, _ in recorded["matches"]:
        try:
            pattern = PathPattern(text, home="/root")
            got.append([text, [at for at, path in enumerate(recorded["paths"]) if pattern.matches(path)]])
        except BadPathPattern as refusal:
            got.append([text, str(refusal)])
    assert got == recorded["matches"]


@pytest.mark.parametrize("text", ["{" * 3000 + "a" + "}" * 3000, "{a," * 3000 + "b" + "}" * 3000, "{a,}*" * 300])
def test_braces_may_be_nested_deep(text):
    assert PathPattern(text).matches("a")


def test_every_pattern_either_parses_or_is_refused_with_words():
    chance = random.Random(7)
    for _ in range(3000):
        text = "".join(chance.choice("ab/*?[]{},\\^!~.") for _ in range(chance.randrange(12)))
        try:
            pattern = PathPattern(text)
        except BadPathPattern as refusal:
            assert "unterminated" in str(refusal)
            continue
        pattern.matches("a/b")
        if pattern.literal is not None:
            assert pattern.matches(pattern.literal)


def test_many_stars_stay_fast():
    pattern = PathPattern("**/*a" * 20 + "b")
    assert not pattern.matches("a" * 5000)


@pytest.mark.parametrize(
    "text, root", [("a/b*", "a/"), ("a/b", "a/"), ("*", ""), ("/x/y/**/z", "/x/y/"), ("{a,b}/c", "")]
)
def test_the_literal_beginning_is_where_a_walk_starts(text, root):
    assert PathPattern(text).root == root


def test_backslashes_separate_where_the_system_has_them():
    assert PathPattern("a\\*.txt", backslash_separates=True).matches("a/b.txt")
    assert not PathPattern("a\\*.txt").matches("a/b.txt")
