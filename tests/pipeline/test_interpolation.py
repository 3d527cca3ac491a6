"""Variables are put into texts as the reference does."""

import random

import pytest

from bkagent.pipeline.errors import PipelineError
from bkagent.pipeline.interpolation import interpolate
from tests.fakes import vectors


@pytest.mark.parametrize("file", ["interpolation", "edges"])
def test_recorded_texts(file):
    environ = vectors.about(file)["env"]
    for parameter in vectors.of(file, "interp"):
        (case,) = parameter.values
        if "error" in case:
            with pytest.raises(PipelineError):
                interpolate(case["input"], environ)
        else:
            assert interpolate(case["input"], environ) == case["result"], case["name"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("echo ${N:?no}", 'Unable to parse offset: expected a whole number, got "[?]no"'),
        ("${N+y}", 'Expected an operator, got "\\+"'),
        ("${_X}", 'Expected identifier to start with a letter, got "_"'),
        ("${U:-a", "Expected brace expansion to end with }, got the end of the text"),
        ("${U?need it}", r"^\$U: need it$"),
        ("${U?}", r"^\$U: not set$"),
        ("${U:-${N+y}}", "character 9 of"),
    ],
)
def test_mistakes_are_named(text, message):
    with pytest.raises(PipelineError, match=message):
        interpolate(text, {"N": "42"})


def test_a_mistake_in_a_default_that_is_not_taken_is_still_one():
    with pytest.raises(PipelineError):
        interpolate("${N:-${N+y}}", {"N": "42"})


def test_bytes_that_are_no_text_may_be_cut():
    assert interpolate("${X:0:1}", {"X": "\udcff\udcfe"}) == "\ufffd"


def test_expansions_inside_each_other_are_bounded():
    with pytest.raises(PipelineError, match="more than 50 levels deep"):
        interpolate("${A:-" * 5000 + "}" * 5000, {})


@pytest.mark.parametrize("seed", range(3))
def test_every_text_is_filled_or_refused(seed):
    chance = random.Random(seed)
    pieces = (
        "$", "{", "}", ":", "-", "?", "\\", "A", "B1", "_", "9", " ", "(", "é", "²", "+", "text", "${A", ":-", ":1:2}",
    )  # fmt: skip
    for _ in range(4000):
        text = "".join(chance.choice(pieces) for _ in range(chance.randrange(12)))
        try:
            assert "\x00" not in interpolate(text, {"A": "alpha", "B1": ""})
        except PipelineError as wrong:
            assert str(wrong)
