"""Texts that are made to hurt end soon, with a sentence."""

import sys
import threading

import pytest

from bkagent.yaml.composer import DEEPEST
from bkagent.yaml.errors import YamlError
from bkagent.yaml.load import load, load_all

BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000, "- " * 50_000, "{a: " * 50_000, "? " * 20_000, "&a [" * 500 + "]" * 500,
        "\n".join(" " * n + "a:" for n in range(2000)), "[a: " * 3000,
    ],
    ids=lambda text: text[:8],
)  # fmt: skip
def test_nesting_is_bounded_without_the_interpreters_limit(text):
    with pytest.raises(YamlError, match="expected at most"):
        load(text)


def test_what_people_write_is_not_near_the_bound():
    assert load("[" * DEEPEST + "]" * DEEPEST) is not None


def test_the_bound_holds_on_a_small_stack_too():
    ended = []

    def read():
        with pytest.raises(YamlError):
            load("[" * (DEEPEST + 1))
        ended.append(sys.getrecursionlimit())

    thread = threading.Thread(target=read)
    thread.start()
    thread.join(60)
    assert ended


def test_aliases_of_aliases_are_counted():
    with pytest.raises(YamlError, match=r"^line 7, column \d+: expected aliases for at most"):
        load(BOMB)


def test_long_texts_behind_aliases_are_counted():
    with pytest.raises(YamlError, match="expected aliases for at most"):
        load("a: &a '" + "x" * 1_000_000 + "'\nb: [" + "*a, " * 500 + "]")


def test_aliases_count_for_the_depth():
    text = "a: &a " + "[" * 60 + "]" * 60 + "\nb: " + "[" * 60 + "*a" + "]" * 60
    with pytest.raises(YamlError, match="levels of nesting"):
        load(text)


def test_an_alias_that_is_used_often_is_fine():
    found = load("a: &a {b: [1, 2, 3]}\nc:\n" + "- *a\n" * 2000)
    assert len(found["c"]) == 2000 and found["c"][1999] == {"b": [1, 2, 3]}


# Each of these took quadratic or exponential time in a naive reader; the whole of it must end at once.
@pytest.mark.parametrize(
    "text",
    [
        '"' + " " * 300_000 + "x", "'" + "''" * 200_000, '"\\a' + " " * 300_000 + '"', "a" + " " * 300_000 + "b",
        "a: |\n" + "\n" * 200_000, "%YAML " + " " * 200_000, '"' + "\\ " * 200_000, ":" * 200_000, "a\n\t" * 50_000,
        "#" * 300_000, "a: >\n" + " x\n" * 100_000, "k: 'a\n" * 20_000, "{" + "a: 1, " * 20_000, "&" + "a" * 300_000,
    ],
    ids=lambda text: repr(text[:8]),
)  # fmt: skip
def test_long_runs_are_read_once(text):
    try:
        load_all(text)
    except YamlError:
        pass
