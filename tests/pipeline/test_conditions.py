"""The conditions of `if`: what they answer, and what they say when they are wrong."""

import random

import pytest

from bkagent.pipeline.conditional.evaluate import check, evaluate
from bkagent.pipeline.conditional.regex import MOST_STEPS, ConditionPattern, limit_time, steps_count
from bkagent.pipeline.errors import PipelineError

KNOWN = {
    "build.branch": "main", "build.message": "first line\nskip the rest", "build.number": 5, "build.tag": None,
    "build.source": "ui", "build.pull_request.id": None, "build.pull_request.draft": False,
    "build.pull_request.labels": ["bug", "ui"], "pipeline.slug": "app", "env": {"X": "1", "EMPTY": "", "SHA": "abcdef"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("", True), ("true", True), ("!true", False), ("null", False), ("build.tag", False),
        ('build.branch == "main"', True), ("build.branch != 'main'", False), ("build.number == 5", True),
        ("build.number == -5", False), ("build.tag == null", True), ("null != build.branch", True),
        ("build.branch =~ /^MA/", False), ("build.branch =~ /^MA/i", True), ("build.branch !~ /x/", True),
        ("build.message =~ /^skip/", True), (r"build.message =~ /\Askip/", False), (r"build.message =~ /rest\z/", True),
        ("build.tag =~ /x/", False), ("build.tag !~ /x/", True), ("build.tag includes 'x'", False),
        ("build.pull_request.labels includes 'bug'", True), ("build.pull_request.labels includes /^u/", True),
        ("build.branch == 'x' || build.number == 5 && true", True), ("(false || true) && false", False),
        ("false && build.number", False), ("true || build.branch", True), ("!build.pull_request.draft", True),
        ("build.branch == 'x' ? false : build.tag == null ? true : false", True), ("!build.tag", True),
        ('env("NONE") == ""', True), ('build.env("NONE") == null', True), ('build.env("X") == "1"', True),
        ('"$X-${SHA:0:2}-$NONE" == "1-ab-"', True), ("'$X' == '$X'", True), ("'$X' == \"1\"", False),
        ("$NONE == null", True),
        ('${EMPTY:-d} == "d"', True), ('${EMPTY-d} == ""', True), ('${X+set} == "set"', True),
        ("${EMPTY:+set} == null", True),
        ('${SHA: -2} == "ef"', True), ('build.branch == "main" // why\n && true', True),
        ('["a", "b"] includes "b"', True),
        (r'"a\"b" == "a\"b"', True), (r"build.branch =~ /m[a\/]in/", True), (" build.source=='ui'", True),
    ],
)  # fmt: skip
def test_answers(text, answer):
    assert evaluate(text, KNOWN) is answer


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("build.brnch == 'x'", 'column 1: unknown name "build.brnch"'),
        ("true && nope('x')", 'column 9: unknown function "nope"'),
        ("build.branch ==", "column 16: expected a value, found the end"),
        ("build.branch = 'x'", "column 14: expected an operator"),
        ("build.branch == 'x", "column 17: the text that starts here has no closing '"),
        ("(true", r"column 6: expected \), found the end"),
        ("true true", 'column 6: expected an operator or the end of the condition, found "true"'),
        ("build.branch", "a condition must be true or false"),
        ("build.branch && true", "column 1: && needs true or false, found a string"),
        ("!build.number", "column 1: ! needs true or false, found a number"),
        ("build.number == '5'", "column 14: a number cannot be compared with a string"),
        ("build.branch =~ 'x'", "column 14: expected a regular expression"),
        ("/x/ == build.branch", "column 1: a regular expression must stand after"),
        ("build.branch =~ /(/", "column 17: invalid regular expression"),
        ("build.branch =~ /(?<=a)b/", "column 17: looking behind is not allowed"),
        ("build.branch =~ /a++/", "a possessive quantifier is not allowed"),
        ("build.branch =~ /a/x", 'column 17: "x" is not a regular expression flag'),
        ("build.source == 'nowhere'", "column 17: build.source is never 'nowhere'; it is one of"),
        ("build.branch includes 'x'", "expected a list on the left of includes, found a string"),
        ("${X:=a} == 'x'", "column 1: .* is not an expansion"),
        ("${NONE?say so} == 'x'", r"\$NONE: say so"),
        ("step.key == 'x'", 'unknown name "step.key"'),
        ("(" * 5000 + "true", "nested more than 60 levels deep"),
        ("!" * 5000 + "true", "nested more than 60 levels deep"),
        ("true" + " && true" * 5000, "longer than 16384 characters"),
    ],
)
def test_what_is_wrong_has_its_column(text, message):
    with pytest.raises(PipelineError, match=message) as wrong:
        evaluate(text, KNOWN)
    assert str(wrong.value).startswith(f"the condition `{text[:20]}")


def test_a_regular_expression_that_never_ends_is_stopped():
    with pytest.raises(PipelineError, match="column 18: the regular expression took longer than"):
        evaluate("build.message =~ /^(a+)+$/", {"build.message": "a" * 60 + "b"})


def test_steps_are_named_in_notifications_only():
    assert evaluate("step.key == 'x' && step.state == null", {"step.key": "x"}) is True


def test_a_condition_is_checked_without_an_answer():
    check("build.branch == 'main' && build.tag")
    with pytest.raises(PipelineError):
        check("build.branch ==")


@pytest.mark.parametrize("seed", range(3))
def test_every_text_is_answered_or_refused(seed):
    chance = random.Random(seed)
    pieces = (
        "build.branch", "build.number", "env('X')", " == ", "!=", " =~ ", "/a/", "/(a/i", "'x'", '"$X"', "5", "(", ")",
        "!", " && ", " || ", "?", ":", "[", "]", ",", "null", "true", "$X", "${X:-", "}", " includes ", "//", "\n", "é",
    )  # fmt: skip
    for _ in range(3000):
        text = "".join(chance.choice(pieces) for _ in range(chance.randrange(10)))
        try:
            assert evaluate(text, KNOWN) in (True, False)
        except PipelineError as wrong:
            assert "the condition `" in str(wrong)


@pytest.mark.parametrize(
    ("body", "length"),
    [
        ("(a|a)*b", 30), ("(?:a?){30}b", 30), ("(a|aa)+", 2), ("a?" * 40 + "a" * 40, 50), ("(a|aa)" * 40 + "b", 50),
        ("a*a*a*a*b", 50), ("a{1,9}a{1,9}a{1,9}a{1,9}b", 50), ("a*b", 100_000), ("a" * 4000, 100_000),
    ],
)  # fmt: skip
def test_a_search_that_nothing_could_stop_is_made_where_it_can_be_ended(body: str, length: int) -> None:
    assert steps_count(body, length) > MOST_STEPS


@pytest.mark.parametrize(
    "body",
    ["^main$", "^(main|next|release)$", r"^release\/.*$", r"^v\d+\.\d+$", "[*+?|{]", r"\*\(a\|b\)\+", "(fix)?!:"],
)
def test_usual_searches_take_no_process_of_their_own(body: str) -> None:
    assert steps_count(body, 40) <= MOST_STEPS


def test_what_was_answered_once_is_not_searched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    searched = []
    monkeypatch.setattr(
        ConditionPattern, "_search_in_child", lambda self, text, longest_s: searched.append(text) or True
    )
    with limit_time(60.0) as answers:
        assert all(evaluate("build.branch =~ /(a|a)*/", KNOWN) for _ in range(3))
    with limit_time(60.0, answers):
        assert evaluate("build.branch =~ /(a|a)*/", KNOWN)
    assert searched == ["main"]


def test_conditions_that_have_taken_their_time_are_refused() -> None:
    with limit_time(0.0), pytest.raises(PipelineError, match="take too long"):
        evaluate("build.branch =~ /x/", KNOWN)
    assert not evaluate("build.branch =~ /x/", KNOWN)


@pytest.mark.parametrize("text", ["build.branch =~ /[!-\U0010ffff]/i", "build.branch =~ /(?i)[!-\\uffff]/"])
def test_wide_ranges_need_letters_as_they_are(text: str) -> None:
    with pytest.raises(PipelineError, match="cannot be combined"):
        evaluate(text, KNOWN)
