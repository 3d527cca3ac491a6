"""--step runs one step, or a whole group, without what it waits for."""

import pytest

from bkagent.errors import UsageError
from bkagent.localrun.selection import only

DOCUMENT = {
    "env": {"A": "1"},
    "steps": [
        {"key": "one", "command": "x"},
        "wait",
        {"key": "two", "command": "y", "depends_on": "one"},
        {"group": "g", "key": "g", "steps": [{"key": "three", "command": "z", "depends_on": ["two"]}]},
    ],
}


def test_one_step_loses_what_it_waits_for() -> None:
    assert only(DOCUMENT, "two") == {"env": {"A": "1"}, "steps": [{"key": "two", "command": "y"}]}


def test_a_step_of_a_group_keeps_its_group() -> None:
    (group,) = only(DOCUMENT, "three")["steps"]
    assert group["group"] == "g" and [step["key"] for step in group["steps"]] == ["three"]


def test_a_group_is_run_whole() -> None:
    assert only(DOCUMENT, "g")["steps"] == [DOCUMENT["steps"][3]]


def test_an_unknown_key_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="the keys are: one, two, g, three"):
        only(DOCUMENT, "four")
