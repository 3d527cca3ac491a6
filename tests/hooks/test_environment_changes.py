"""The difference between two dumps, and dumps that are cut short."""

import json
import os
import random

import pytest

from bkagent.hooks.changes import BadDump, Changes, changes_between, parse_dump

CASES = [
    # before, after, set, unset
    ({}, {}, {}, ()),
    ({"A": "1"}, {"A": "1"}, {}, ()),
    ({"A": "1"}, {"A": "2"}, {"A": "2"}, ()),
    ({"A": ""}, {}, {}, ("A",)),
    ({}, {"A": ""}, {"A": ""}, ()),
    ({"a": "1"}, {"A": "1"}, {"A": "1"}, ("a",)),
    ({"PATH": "/a", "_": "x"}, {"PATH": "/a:/b", "_": "y"}, {"PATH": "/a:/b"}, ()),
    ({"SHLVL": "1"}, {"SHLVL": "2"}, {"SHLVL": "2"}, ()),
]


@pytest.mark.parametrize("before, after, changed, gone", CASES)
def test_the_difference_is_what_the_hook_did(before, after, changed, gone):
    found = changes_between(before, after)
    assert (found.set, found.unset) == (changed, gone)


def test_the_wrappers_own_variables_are_no_change():
    after = {"BUILDKITE_HOOK_EXIT_STATUS": "0", "BUILDKITE_HOOK_WORKING_DIR": "/work", "_": "/bin/cat"}
    assert changes_between({"_": "x"}, after) == Changes(directory="/work")


def test_a_dump_holds_any_value():
    dump = b"A=x\ny\0=C:=C:\\folder\0B==\0BASH_FUNC_f%%=() { :\n}\0R=\xff\0junk\0"
    assert parse_dump(dump) == {
        "A": "x\ny",
        "B": "=",
        "BASH_FUNC_f%%": "() { :\n}",
        "R": os.fsdecode(b"\xff"),
    }


def test_an_empty_dump_is_an_empty_environment():
    assert parse_dump(b"") == {}


def test_a_dump_that_is_cut_short_is_refused():
    with pytest.raises(BadDump):
        parse_dump(b"A=1\0B=2")


@pytest.mark.parametrize("seed", range(20))
def test_a_random_dump_comes_back_whole(seed):
    chance = random.Random(seed)
    letters = bytes(set(range(1, 256)) - {ord("=")})
    names = {bytes(chance.choices(letters, k=chance.randint(1, 5))) for _ in range(20)}
    variables = {name: bytes(chance.choices(range(1, 256), k=chance.randint(0, 30))) for name in names}
    dump = b"".join(name + b"=" + value + b"\0" for name, value in variables.items())
    assert {os.fsencode(k): os.fsencode(v) for k, v in parse_dump(dump).items()} == variables
    assert json.dumps(changes_between({}, parse_dump(dump)).set)
