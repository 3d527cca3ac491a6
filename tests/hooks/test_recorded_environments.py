"""Dumps and differences of environments, as they were recorded of the reference."""

import pytest

from bkagent.hooks.changes import BadDump, changes_between, parse_dump, parse_json_dump
from tests.fakes import vectors


@pytest.mark.parametrize("case", vectors.of("env", "split"))
def test_entries(case):
    expected = {case["var"]: case["value"]} if case["ok"] else {}
    assert parse_dump(case["input"].encode() + b"\0") == expected


@pytest.mark.parametrize("case", vectors.of("env", "list"))
def test_lists(case):
    assert parse_dump("".join(entry + "\0" for entry in case["input"]).encode()) == case["env"]


@pytest.mark.parametrize("case", vectors.of("env", "dump"))
def test_dumps(case):
    if not case["input"]:
        assert parse_json_dump(b"") == {}  # a hook that ended its shell early, which is told by other means
    elif "error" in case:
        with pytest.raises(BadDump):
            parse_json_dump(case["input"].encode())
    else:
        assert parse_json_dump(case["input"].encode()) == case["env"]


@pytest.mark.parametrize("case", vectors.of("env", "diff"))
def test_differences(case):
    found = changes_between(case["before"], case["after"])
    changed = {name: values["new"] for name, values in case["changed"].items()}
    expected = {**case["added"], **changed}
    expected.pop("_", None)  # of the shell's own last command: the reference's dumps hold the same one
    assert found.set == expected
    assert sorted(found.unset) == sorted(case["removed"])
    assert found.before == {name: values["old"] for name, values in case["changed"].items()}
