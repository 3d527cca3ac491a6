"""Regular expressions as Go has them: what they match, what is refused, and that none of them takes for ever."""

import pytest

from bkagent.regexp.pattern import Pattern
from bkagent.regexp.syntax import PatternError
from tests.fakes import vectors


def test_patterns_match_what_they_match_in_go():
    for parameter in vectors.of("go-regexp"):
        (case,) = parameter.values
        if case["output"] is None:
            with pytest.raises(PatternError):
                Pattern(case["input"])
        else:
            pattern = Pattern(case["input"])
            assert {text: pattern.search(text) for text in case["output"]} == case["output"], case


@pytest.mark.parametrize(
    ("text", "matching", "others"),
    [
        (r"^https://a/$", ["https://a/"], ["https://a/\n", "https://a/x"]),
        (r"^[[:alpha:]]+\d{2,3}$", ["ab12"], ["ab1", "12", "\u00e412"]),
        (r"(?i)^GIT@", ["git@x", "GIT@x"], ["gix@x"]),
        (r"\Qa.b\E$", ["a.b"], ["axb"]),
        (r"^\p{Lu}\PN$", ["Aa", "\u00c4-"], ["aa", "A1"]),
        (r"(?P<host>github)\.com[:/]acme/", ["git@github.com:acme/x"], ["git@githubXcom:acme/x"]),
    ],
)
def test_the_syntax_of_go(text, matching, others):
    pattern = Pattern(text)
    assert [pattern.search(each) for each in matching] == [True] * len(matching)
    assert [pattern.search(each) for each in others] == [False] * len(others)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(a", "missing closing )"),
        ("a)", "unexpected )"),
        ("[a", "missing closing ]"),
        ("a**", "nested repetition"),
        ("*a", "missing argument to repetition operator: *"),
        ("a{1001}", "invalid repeat count"),
        ("(a{100}){100}", "repetitions of repetitions"),
        (r"(a)\1", r"invalid escape sequence: \1"),
        (r"a\Z", r"invalid escape sequence: \Z"),
        ("(?=a)", "unsupported Perl syntax"),
        ("(?<!a)b", "unsupported Perl syntax"),
        (r"\p{Greek}", "only general categories are"),
        ("(" * 200 + ")" * 200, "nested more than"),
        ("(?:(?:a{10}b{10}){10}c{9}){10}" * 10, "too large"),
        ("a\\", "trailing backslash"),
    ],
)
def test_what_cannot_be_matched_is_said(text, message):
    with pytest.raises(PatternError) as caught:
        Pattern(text)
    assert message in str(caught.value)


@pytest.mark.parametrize("text", [r"(a*)*$", r"(a|a)*b", r"(.*a){12}c", r"^(([a-z])+.)+[A-Z]([a-z])+$", r"(a+){1,30}b"])
def test_no_pattern_is_busy_for_ever(text):
    # Python's own matcher would be at the first of these for longer than the machine lasts.
    pattern = Pattern(text)
    pattern.search("a" * 20_000 + "!")
    looked_at = len(pattern._moved)
    pattern.search("a" * 40_000 + "!")
    assert len(pattern._moved) == looked_at < 200  # twice the text leads to no state that is new
