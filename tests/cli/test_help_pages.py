"""Help: every way to ask for it, what it holds, how it is laid out, and what it must not load."""

import os
import subprocess
import sys
from typing import List, Sequence

import pytest

from bkagent.cli import table
from bkagent.cli.pages import help, layout
from bkagent.cli.pages.completion import commands
from bkagent.config.launching import self_command
from bkagent.config.launching.self_command import code_root
from tests.cli.conftest import Run
from tests.fakes.terminal_output import lines_on_terminal

OVERVIEW, GROUP, PAGE = "Usage: bkagent COMMAND", "Usage: bkagent meta-data COMMAND", "Usage: bkagent meta-data get "


@pytest.mark.parametrize(
    "words, first",
    [
        ([], OVERVIEW),
        (["help"], OVERVIEW),
        (["h"], OVERVIEW),
        (["--help"], OVERVIEW),
        (["-h"], OVERVIEW),
        (["-help"], OVERVIEW),
        (["--help", "start"], OVERVIEW),
        (["help", "help"], OVERVIEW),
        (["help", "--help"], OVERVIEW),
        (["meta-data"], GROUP),
        (["meta-data", "help"], GROUP),
        (["meta-data", "h"], GROUP),
        (["meta-data", "--help"], GROUP),
        (["meta-data", "-h"], GROUP),
        (["help", "meta-data"], GROUP),
        (["meta-data", "get", "--help"], PAGE),
        (["meta-data", "get", "-h"], PAGE),
        (["meta-data", "get", "key", "-help"], PAGE),
        (["meta-data", "help", "get"], PAGE),
        (["meta-data", "h", "get"], PAGE),
        (["help", "meta-data", "get"], PAGE),
        (["h", "meta-data", "get"], PAGE),
    ],
)
def test_ways_to_ask_for_help(words: List[str], first: str, run: Run) -> None:
    done = run(*words)
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.startswith(first)


@pytest.mark.parametrize(
    "words, said",
    [
        (["nothing"], ["bkagent: unknown subcommand \"nothing\"", "Run 'bkagent --help' for usage."]),
        (["anotate", "x"], ['bkagent: unknown subcommand "anotate"; did you mean "annotate"?',
                            "Run 'bkagent --help' for usage."]),
        (["artefact"], ['bkagent: unknown subcommand "artefact"; did you mean "artifact"?',
                        "Run 'bkagent --help' for usage."]),
        (["meta-data", "gett"], ['bkagent: unknown subcommand "gett"; did you mean "get"?',
                                 "Run 'bkagent meta-data --help' for usage."]),
        (["help", "nothing"], ["bkagent: unknown subcommand \"nothing\"", "Run 'bkagent --help' for usage."]),
        (["meta-data", "help", "x"], ["bkagent: unknown subcommand \"x\"",
                                      "Run 'bkagent meta-data --help' for usage."]),
        (["help", "meta-data", "x"], ["bkagent: unknown subcommand \"x\"",
                                      "Run 'bkagent meta-data --help' for usage."]),
        (["server", "login"], ['bkagent: unknown subcommand "login"; did you mean "login-url"?',
                               "Run 'bkagent server --help' for usage."]),
        (["server"], ["Missing data folder. See: `bkagent server --help`"]),
        (["server", "login-url"], ["Missing data folder. See: `bkagent server login-url --help`"]),
        (["spool", "show"], ["Missing job. See: `bkagent spool show --help`"]),
        (["spool", "export", ""], ["Missing job. See: `bkagent spool export --help`"]),
    ],
)  # fmt: skip
def test_an_unknown_or_incomplete_command_says_where_to_look(words: List[str], said: List[str], run: Run) -> None:
    done = run(*words)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.splitlines() == said


@pytest.mark.parametrize(
    "words, page, sentence",
    [
        (["--debug", "annotate"], OVERVIEW, "unknown flag --debug before the command"),
        (["meta-data", "--odd"], GROUP, "meta-data has no flag --odd"),
        (["meta-data", "get", "--odd"], PAGE, "unknown flag --odd"),
        (["meta-data", "get", "--defualt", "x"], PAGE, "did you mean --default?"),
        (["meta-data", "get", "--default"], PAGE, "flag needs a value: --default"),
        (["meta-data", "get", "--debug=maybe"], PAGE, 'debug must be true or false, not "maybe" (flag --debug)'),
    ],
)
def test_a_misused_command_shows_its_page_and_says_what_is_wrong(
    words: List[str], page: str, sentence: str, run: Run
) -> None:
    done = run(*words)
    assert done.returncode == 1
    assert done.stdout.startswith(page)
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("bkagent: fatal: ")
    assert sentence in done.stderr


def test_the_version_is_printed(run: Run) -> None:
    for words in (["--version"], ["-v"], ["-version"], ["--version", "annotate"]):
        done = run(*words)
        assert done.returncode == 0 and done.stdout.startswith("buildkite-agent version 3.")


def test_every_command_that_is_shown_has_a_whole_page() -> None:
    for command in commands():
        lines = help.page(command, 80, {})
        text = "\n".join(lines)
        assert lines[0] == " ".join(["Usage: bkagent", command.name, "[options]", *command.arguments])
        assert "Example:" in lines, command.name
        for option in command.options:
            assert (f"    --{option.name}" in text) or option.hidden, (command.name, option.name)
            if not option.hidden:
                assert option.help.strip().endswith("."), (command.name, option.name)
                assert all(f"${name}" in text for name in option.env), (command.name, option.name)
            assert not option.secret or not option.default


def test_the_overview_names_every_command(run: Run) -> None:
    shown = run("help").stdout
    for name in table.COMMANDS:
        first, _, second = name.rpartition(" ")
        assert (name in table.HIDDEN) != any(first in line and second in line for line in shown.splitlines()), name


@pytest.mark.parametrize("columns", [40, 60, 80, 100, 200])
def test_pages_keep_to_the_width(columns: int, run: Run) -> None:
    wide = min(columns, 120)
    for words in (["start", "--help"], ["annotate", "--help"]):
        lines = run(*words, env={"COLUMNS": str(columns)}).stdout.splitlines()
        text = [line for line in lines if "$ bkagent" not in line and not line.startswith("Usage:")]
        assert all(len(line) <= wide or len(line.split()) == 1 or _flag_alone(line) for line in text)
        assert max(len(line) for line in text) > wide * 0.8


def _flag_alone(line: str) -> bool:
    return line.startswith("    --") and len(line.split()) <= 2


def test_without_a_terminal_a_page_is_80_columns_and_plain(run: Run) -> None:
    shown = run("start", "--help", env={"COLUMNS": "odd"}).stdout
    assert "\x1b" not in shown
    prose = [line for line in shown.splitlines() if not line.startswith(" ")]
    assert 70 < max(len(line) for line in prose) <= 80


def test_on_a_terminal_a_page_is_as_wide_as_that() -> None:
    environ = {"PATH": os.environ["PATH"], "TERM": "xterm"}
    lines = lines_on_terminal(self_command.command(["annotate", "--help"]), environ, 57)
    assert "\x1b[1mOptions:\x1b[0m" in lines
    prose = lines[2:5]
    assert 45 < max(len(line) for line in prose) <= 57


class _Terminal:
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    "environ, coloured", [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)]
)
def test_colours_on_a_terminal_alone(environ: "dict[str, str]", coloured: bool) -> None:
    assert layout.is_coloured(_Terminal(), environ) is coloured  # type: ignore[arg-type]


PROGRAM = """
import sys
sys.path.insert(0, sys.argv.pop(1))
from bkagent.cli.main import main
status = main(sys.argv[1:])
sys.stderr.write("\\n".join(sys.modules))
sys.exit(status)
"""
HEAVY = {
    "dataclasses", "typing", "enum", "json", "re", "argparse", "http", "ssl", "socket", "subprocess", "runpy",
    "threading", "random", "tempfile", "urllib", "contextlib", "inspect", "logging", "textwrap", "sqlite3",
}  # fmt: skip
ROOMS = ("agent", "controlplane", "job", "remote", "transport", "pipeline", "yaml", "localrun", "git", "shell")


def _loaded(words: Sequence[str]) -> "set[str]":
    argv = [sys.executable, "-I", "-S", "-c", PROGRAM, code_root(), *words]
    done = subprocess.run(argv, capture_output=True, encoding="utf-8", timeout=60)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split("\n"))


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["start", "--help"], ["meta-data", "get", "--help"]])
def test_help_loads_options_alone(words: List[str]) -> None:
    loaded = _loaded(words)
    assert "bkagent.cli.main" in loaded
    assert not loaded & HEAVY
    if words != ["meta-data", "get", "--help"]:
        assert not {name for name in loaded if name.split(".")[:1] == ["bkagent"] and name.split(".")[1:2] and
                    name.split(".")[1] in ROOMS}  # fmt: skip
