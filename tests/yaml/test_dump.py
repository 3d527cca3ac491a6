"""YAML that is written: laid out as people know it, and read back as what it was."""

import random

import pytest

from bkagent.pipeline.document.yaml_order import in_yaml_order
from bkagent.yaml.dump import dumps
from bkagent.yaml.load import load

SHOWN = {
    "yes": '"yes"', "No": '"No"', "on": '"on"', "y": '"y"', "1:30": '"1:30"', "1": '"1"', "true": '"true"', "": '""',
    "null": '"null"', "~": '"~"', "2020-01-01": '"2020-01-01"', "a: b": "'a: b'", ":x": ":x", "a:b": "a:b",
    "#c": "'#c'", "a#b": "a#b", "a #b": "'a #b'", "- a": "'- a'", "-a": "-a", "?a": "?a", "%x": "'%x'",
    "'q'": "'''q'''",
    "a'b": "a'b", " x": "' x'", "x ": "'x '", "tab\t": '"tab\\t"', "\x01": '"\\x01"', "é☃": "é☃", "\u2028": '"\\L"',
    "\U0001f600": '"\\U0001F600"', "a\\b": "a\\b", "---": "'---'", "<<": '"<<"', "\nx": '"\\nx"', "x]": "x]",
    "[x": "'[x'",
}  # fmt: skip
NUMBERS = {1.5: "1.5", 1e6: "1e+06", 100000.0: "100000", 123456789.25: "1.2345678925e+08", 1e-7: "1e-07",
           0.0001: "0.0001", -0.5: "-0.5", float("inf"): ".inf"}  # fmt: skip


@pytest.mark.parametrize("text", SHOWN)
def test_a_text_is_quoted_where_somebody_could_take_it_for_something_else(text):
    assert dumps({"k": text}) == f"k: {SHOWN[text]}\n"


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_in_its_fewest_digits(number):
    assert dumps([number]) == f"- {NUMBERS[number]}\n"


def test_what_belongs_to_a_key_stands_at_the_next_multiple_of_four():
    value = {"a": [{"b": {"c": [1, [2, 3], {"d": "x"}]}, "e": []}, {}], "t": "one\n  two\n"}
    assert dumps(value) == (
        "a:\n    - b:\n        c:\n            - 1\n            - - 2\n              - 3\n            - d: x\n"
        "      e: []\n    - {}\nt: |\n    one\n      two\n"
    )


def test_line_ends_of_a_block():
    assert dumps(["a\nb", "a\nb\n"]) == "- |-\n  a\n  b\n- |\n  a\n  b\n"
    assert dumps(["a\n\n", " a\nb"]) == "- |+\n  a\n\n- |2-\n   a\n  b\n"


@pytest.mark.parametrize("seed", range(20))
def test_what_is_written_is_read_back(seed):
    chance = random.Random(seed)
    value = {f"k{number}": made(chance, 0) for number in range(40)}
    assert load(dumps(value)) == value


def made(chance, depth):
    kind = chance.random()
    if depth < 3 and kind < 0.2:
        return [made(chance, depth + 1) for _ in range(chance.randrange(4))]
    if depth < 3 and kind < 0.4:
        return {text(chance): made(chance, depth + 1) for _ in range(chance.randrange(4))}
    return text(chance) if kind < 0.9 else chance.choice((None, True, False, 7, -5, 1.5, 1e30, 1e-9))


def text(chance):
    if chance.random() < 0.2:
        return chance.choice(list(SHOWN))
    letters = "abe é☃\U0001f600\n\n  \t\r#:-?,[]{}&*!|>'\"%@`=~<\\\0\x07\x7f\x85\xa0\u2028\u2029\ufeff\ufffd10x._+/yno"
    return "".join(chance.choice(letters) for _ in range(chance.randrange(9)))


def test_a_pipeline_begins_with_its_steps_and_a_step_with_its_key():
    matrix = {"adjustments": [], "setup": []}
    step = {"agents": {}, "command": "x", "env": {}, "key": "k", "label": "l", "matrix": matrix}
    shown = in_yaml_order({"agents": {}, "env": {}, "steps": ["wait", step, {"async": True, "trigger": "t"}], "zz": 1})
    assert list(shown) == ["steps", "env", "agents", "zz"]
    assert list(shown["steps"][1]) == ["key", "label", "command", "env", "matrix", "agents"]
    assert list(shown["steps"][1]["matrix"]) == ["setup", "adjustments"]
    assert list(shown["steps"][2]) == ["async", "trigger"]


def test_the_steps_of_a_group_are_put_in_order_too():
    shown = in_yaml_order({"steps": [{"group": "g", "if": "x", "key": "k", "steps": [{"command": "c", "key": "s"}]}]})
    assert list(shown["steps"][0]) == ["key", "group", "steps", "if"]
    assert list(shown["steps"][0]["steps"][0]) == ["key", "command"]
