"""What a command says about its own work: levels, forms, colours, and notes about what it was given."""

import io
import json
import re
from typing import Dict, List, Optional

import pytest

from bkagent.cli import table
from bkagent.cli.log import Log
from bkagent.cli.main import main
from bkagent.cli.table import load
from bkagent.config.kinds import Choice
from bkagent.config.option import Option
from bkagent.config.options import logging
from bkagent.config.settings import Source, resolve
from tests.cli.conftest import Run

LEVELS = ("debug", "notice", "info", "warn", "error", "fatal")
assert isinstance(logging.LOG_FORMAT, Option) and isinstance(logging.LOG_FORMAT.kind, Choice)


class _Stream(io.StringIO):
    def __init__(self, is_terminal: bool = False) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


def _log(
    flags: "Dict[str, List[str]]", environ: "Optional[Dict[str, str]]" = None, is_terminal: bool = False
) -> "tuple[Log, _Stream, _Stream]":
    settings = resolve([*logging.SHARED, logging.LOG_FORMAT], Source(flags, environ or {}), pytest.fail)
    err, out = _Stream(is_terminal), _Stream(is_terminal)
    return Log(settings, err, out, environ or {}), err, out


@pytest.mark.parametrize(
    "level, shown",
    [
        ("debug", LEVELS),
        ("notice", LEVELS[1:]),
        ("info", LEVELS[2:]),
        ("warn", LEVELS[3:]),
        ("warning", LEVELS[3:]),
        ("WARN", LEVELS[3:]),
        ("error", LEVELS[4:]),
        ("fatal", LEVELS[5:]),
        ("odd", LEVELS[1:]),
        ("", LEVELS[1:]),
    ],
)
def test_levels(level: str, shown: "tuple[str, ...]") -> None:
    log, err, out = _log({"log-level": [level]})
    for name in LEVELS:
        log(name, "said")
    assert [line.split()[2].lower() for line in err.getvalue().splitlines()] == list(shown)
    assert out.getvalue() == ""


def test_debug_wins_over_the_level() -> None:
    log, err, _ = _log({"log-level": ["fatal"], "debug": ["true"]})
    log("debug", "said")
    assert "said" in err.getvalue()


def test_an_unknown_level_is_named_with_its_source() -> None:
    log, _, _ = _log({}, {"BUILDKITE_AGENT_LOG_LEVEL": "odd"})
    (doubt,) = log.doubts
    assert doubt == (
        'log-level must be one of debug, notice, info, warn, error, fatal, not "odd" '
        "(environment variable BUILDKITE_AGENT_LOG_LEVEL); using notice"
    )


def test_the_form_of_a_line() -> None:
    log, err, _ = _log({})
    log("warn", "a text")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d WARN   a text\n", err.getvalue())


def test_json_lines() -> None:
    log, err, out = _log({"log-format": ["json"]}, is_terminal=True)
    log("warn", 'a "text"\nof two lines \u00e9')
    line = json.loads(out.getvalue())
    assert list(line) == ["ts", "level", "msg"] and err.getvalue() == ""
    assert (line["level"], line["msg"]) == ("WARN", 'a "text"\nof two lines \u00e9')
    assert out.getvalue().count("\n") == 1
    log("info", "a text", "job.starting")
    assert json.loads(out.getvalue().splitlines()[1])["event"] == "job.starting"


@pytest.mark.parametrize(
    "flags, environ, is_terminal, coloured",
    [
        ({}, {}, True, True),
        ({}, {}, False, False),
        ({"no-color": ["true"]}, {}, True, False),
        ({}, {"NO_COLOR": "1"}, True, False),
        ({}, {"NO_COLOR": ""}, True, True),
        ({}, {"BUILDKITE_AGENT_NO_COLOR": "true"}, True, False),
    ],
)
def test_colours(flags: "Dict[str, List[str]]", environ: "Dict[str, str]", is_terminal: bool, coloured: bool) -> None:
    log, err, _ = _log(flags, environ, is_terminal)
    log("warn", "said")
    assert ("\x1b[" in err.getvalue()) is coloured


EXPERIMENTS = {
    "agent-api": [],
    "agent-api,pty-raw": [],
    " agent-api , ": [],
    "llamas": ['unknown experiment "llamas"'],
    "pty_raw": ['unknown experiment "pty_raw"; did you mean "pty-raw"?'],
    "polyglot-hooks": ['"polyglot-hooks" is always on, as in the reference since 3.85.0'],
    "kubernetes-exec": ['"kubernetes-exec" was replaced by the flag --kubernetes-exec'],
    "llamas,agent-api,job-api": ['unknown experiment "llamas"', '"job-api" is always on'],
}


@pytest.mark.parametrize("how", ["flag", "flags", "variable"])
@pytest.mark.parametrize("names", EXPERIMENTS)
def test_experiments_are_accepted_with_a_note(names: str, how: str, run: Run) -> None:
    if how == "variable":
        done = run("config", "check", "x", env={"BUILDKITE_AGENT_EXPERIMENT": names})
    else:
        parts = [names] if how == "flag" else names.split(",")
        done = run("config", "check", "x", *(word for part in parts for word in ("--experiment", part)))
    lines = [line for line in done.stderr.splitlines() if "fatal" not in line]
    assert len(lines) == len(EXPERIMENTS[names])
    for line, note in zip(lines, EXPERIMENTS[names]):
        assert " WARN " in line and note in line


def test_what_a_command_of_the_reference_has_no_use_for_is_said(run: Run) -> None:
    done = run("acknowledgements", "extra", "more")
    assert done.returncode == 0
    assert done.stderr.endswith('WARN   "acknowledgements" takes 0 arguments at most; ignored: "extra", "more"\n')


@pytest.mark.parametrize("name", sorted(table.OWN))
def test_what_a_command_of_ours_has_no_use_for_is_an_error(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    fitting = ["bash" for _ in load(name).arguments]
    for words in ([*fitting, "backup"], ["--", *fitting, "--backup", "more"]):
        assert main([*name.split(), *words], {"HOME": "/nowhere"}) == 1
        out, err = capfd.readouterr()
        assert out == "" and len(err.splitlines()) == (2 if "unknown subcommand" in err else 1), err
