"""The command line, row by row against tests/data/cli.json.

What differs on purpose is in tests/data/cli_differences.json, with the reason.
A difference that the file does not name fails, and so does one that it names and that is gone.
"""

import json
import os

import pytest

from bkagent.cli import table
from bkagent.cli.table import load
from bkagent.config import kinds

DATA = os.path.join(os.path.dirname(os.path.dirname(__file__)), "data")
HOME = {"HOME": "/home/somebody"}
# What commands have that the reference lacks; their options are no rows of the list.
OWN = (
    "agents get", "agents list", "agents pause", "agents resume", "agents stop",
    "agent-api-process", "artifact list", "build create", "command-process", "completion", "config check",
    "config show", "help", "job-process", "local run", "lock list",
    "server", "server login-url", "server token create", "server token list", "server token revoke",
    "service install", "service logs", "service remove", "service start",
    "service status", "service stop", "service-process", "spool export", "spool flush", "spool list", "spool show",
)  # fmt: skip


def read(name):
    with open(os.path.join(DATA, name), encoding="utf-8") as file:
        return json.load(file)


REFERENCE = read("cli.json")
ON_PURPOSE = read("cli_differences.json")


def kind_of(row):
    """Return the kinds that a row of the list may have here."""
    normalize = row.get("normalize")
    if row["type"] == "enum":
        return (kinds.Choice, kinds.Suggested)
    if row["type"] == "list" and "enum" in row:
        return (kinds.ValueKind,)
    if row["type"] == "list":
        return (type(kinds.LIST),) if normalize == "list" else (type(kinds.ITEMS),)
    if row["type"] == "string" and normalize:
        return ({"filepath": kinds.FILE_PATH, "commandpath": kinds.COMMAND_PATH}[normalize],)
    return {
        "string": (kinds.TEXT, kinds.SECRET), "bool": (kinds.FLAG,), "int": (kinds.WHOLE,),
        "duration": (kinds.DURATION, kinds.CHECKED_DURATION),
    }[row["type"]]  # fmt: skip


def is_of(kind, wanted):
    return any(type(kind) is one if isinstance(one, type) else kind is one for one in wanted)


def default_of(option):
    value = option.default(HOME) if callable(option.default) else option.default
    return list(value) if isinstance(value, tuple) else value


def expected_default(row):
    if row["type"] == "duration":
        return kinds.DURATION.from_flag(row["default"])
    if row["default"] is None:
        return ""
    return row["default"]


def differences_of(row, option):
    """Yield the name of each fact about a flag that differs."""
    facts = {
        "env": (row["env"], list(option.env)), "hidden": (row["hidden"], option.hidden),
        "required": (row["required"], bool(option.required)), "deprecated": (row["deprecated"], option.deprecated),
        "default": (expected_default(row), default_of(option)),
    }  # fmt: skip
    if "config_file_key" in row:
        facts["in file"] = (row["config_file_key"], option.in_file)
    if row["name"] == "shell" and not os.path.exists("/bin/bash"):
        del facts["default"]
    for name, (theirs, ours) in facts.items():
        if theirs != ours:
            yield name
    words = getattr(option.kind, "words", ())
    if "enum" in row:
        if {word for word in row["enum"] if word} != {word for word in words if word}:
            yield "words"
        if isinstance(option.kind, kinds.Choice) and not row["enum_enforced"]:
            yield "enforced"
    if not is_of(option.kind, kind_of(row)) and not (words and "enum" in row):
        yield "type"


def walk():
    """Yield "COMMAND --FLAG: FACT" for each difference."""
    for row in REFERENCE["groups"]:
        name = " ".join(row["path"])
        if name not in table.GROUPS:
            yield f"{name}: group"
    for row in REFERENCE["commands"]:
        name = " ".join(row["path"])
        if name not in table.COMMANDS:
            yield f"{name}: command"
            continue
        if row["hidden"] != (name in table.HIDDEN):
            yield f"{name}: hidden"
        yield from walk_arguments(name, row["args"], load(name).arguments)
        options = {option.name: option for option in load(name).options}
        for flag in row["flags"]:
            option = options.pop(flag["name"], None)
            if option is None:
                yield f"{name} --{flag['name']}: missing"
                continue
            for fact in differences_of(flag, option):
                yield f"{name} --{flag['name']}: {fact}"
        for extra in options:
            yield f"{name} --{extra}: added"


def walk_arguments(name, rows, ours):
    theirs = [(bool(row.get("required")), bool(row.get("variadic"))) for row in rows]
    if theirs != [(not word.startswith("["), word.endswith("...")) for word in ours]:
        yield f"{name}: arguments"


def test_every_command_and_flag_is_as_in_the_list_or_differs_on_purpose():
    found = set(walk())
    assert sorted(found - set(ON_PURPOSE)) == [], "these differ, and nothing says why"
    assert sorted(set(ON_PURPOSE) - found) == [], "these are named as differences, and are none"


def test_every_difference_has_a_reason():
    assert [name for name, reason in ON_PURPOSE.items() if len(reason.split()) < 4] == []


def test_every_command_is_of_the_list_or_our_own():
    listed = {" ".join(row["path"]) for row in REFERENCE["commands"]}
    assert len(listed) == 43
    assert set(table.COMMANDS) - listed == set(OWN)


@pytest.mark.parametrize("name", sorted(table.COMMANDS))
def test_the_table_and_the_command_say_the_same(name):
    if name == "help":
        return
    command = load(name)
    assert command.name == name and table.COMMANDS[name]
    assert command.description or name in table.HIDDEN
    assert command.example or name in table.HIDDEN
    names = [option.name for option in command.options]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("changed", ["env", "hidden", "required", "deprecated", "default", "type"])
def test_the_walk_sees_what_differs(changed):
    rows = {row["name"]: row for row in REFERENCE["commands"][0]["flags"]}
    option = next(option for option in load("start").options if option.name == "spawn")
    other = {"env": ["X"], "hidden": True, "required": True, "deprecated": True, "default": 2, "type": "string"}
    assert list(differences_of(rows["spawn"], option)) == []
    assert list(differences_of({**rows["spawn"], changed: other[changed]}, option)) == [changed]
