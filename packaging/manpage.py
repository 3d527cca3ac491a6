"""The manual page `docs/reference/bkagent.1`, made from the command and option tables."""

import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [TOP, os.path.join(TOP, "packaging")]

import reference  # noqa: E402

from bkagent.cli import table  # noqa: E402
from bkagent.cli.command import Command  # noqa: E402
from bkagent.cli.pages import completion, help  # noqa: E402
from bkagent.cli.pages.option_groups import group_options  # noqa: E402
from bkagent.version import VERSION  # noqa: E402

PATH = os.path.join(reference.FOLDER, "bkagent.1")
_DESCRIPTION = (
    "Registers with a control plane, runs its jobs and streams their logs; serves a control plane of its own; and "
    "gives jobs the commands that they call. Names, variables and files are those of buildkite-agent."
)
_VALUES = (
    "A value comes from the flag, else from the first variable that exists, else (start alone) from the configuration "
    "file, else it is the default."
)
_EXIT = (
    ("0", "Success."),
    ("1", "An error, which one line on standard error names."),
    ("27", "start: the job of --acquire-job is not to be had."),
    ("28", "start: the job of --acquire-job still waits for others."),
    ("94", "bootstrap: another job held the repository for too long."),
    ("100", "meta-data get, meta-data exists: there is no such key."),
    ("125", "bootstrap: the job ended before its command could start."),
    ("131", "bootstrap: cancelled by SIGQUIT."),
)


def write() -> str:
    """Write the page; return its path."""
    os.makedirs(reference.FOLDER, exist_ok=True)
    with open(PATH, "w", encoding="utf-8", newline="\n") as file:
        file.write(text())
    return PATH


def text() -> str:
    """Return the page as the `man` macros have it."""
    lines = [
        '.\\" Made by `python3 packaging/tasks.py manpage`; change the tables in bkagent/, not this page.',
        f'.TH BKAGENT 1 "" "bkagent {VERSION}" "User Commands"',
        ".ad l",
        ".SH NAME",
        "bkagent \\- a Buildkite agent in one file",
        ".SH SYNOPSIS",
        ".B bkagent",
        ".I command",
        "[options] [arguments]",
        ".SH DESCRIPTION",
        _escaped(_DESCRIPTION),
        ".PP",
        _escaped(_VALUES),
        ".SH COMMANDS",
    ]
    for command in completion.commands():
        lines += _command(command)
    lines += [".SH EXIT STATUS"]
    for status, meaning in _EXIT:
        lines += [".TP", f".B {status}", _escaped(meaning)]
    lines += [".SH FILES", ".TP", ".I bkagent.cfg", _escaped("Configuration, in one of:")]
    places = ["the folder of the program", "$HOME/.buildkite-agent", "/usr/local/etc/buildkite-agent"]
    lines += [_escaped(", ".join([*places, "/etc/buildkite-agent"]) + ". Else buildkite-agent.cfg in the same.")]
    return "\n".join([*lines, ""])


def _command(command: Command) -> "list[str]":
    lines = [f'.SS "{_escaped(command.name)}"', ".B " + _escaped(f"bkagent {command.name}")]
    lines += [_escaped(" ".join(["[options]", *command.arguments])), ".PP"]
    lines += _paragraphs(command.description or table.COMMANDS[command.name] + ".")
    if command.example:
        rows = [_escaped("    " + row) for row in command.example.split("\n")]
        lines += [".PP", "Example:", ".PP", ".nf", *rows, ".fi"]
    shown = [option for option in command.options if not option.hidden]
    for title, options in group_options(shown):
        lines += [".PP", f'.I "{_escaped(title)}"']
        for option in options:
            value = help.value_name(option)
            lines += [".TP", f".B \\-\\-{_escaped(option.name)}" + (f" \\fI{_escaped(value)}\\fR" if value else "")]
            notes = [f"default: {reference.default_text(option)}"] if reference.default_text(option) else []
            notes += [", ".join("$" + name for name in option.env)] if option.env else []
            lines += [_escaped(option.help + (f" [{'; '.join(notes)}]" if notes else ""))]
    return lines


def _paragraphs(description: str) -> "list[str]":
    lines: "list[str]" = []
    for block in description.strip("\n").split("\n\n"):
        rows = [_escaped(row) for row in block.split("\n")]
        lines += [".PP"] if lines else []
        lines += [".nf", *rows, ".fi"] if block.startswith(" ") else rows
    return lines


def _escaped(text: str) -> str:
    """Return a line of text in which nothing is a request or an escape."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq").replace("'", "\\(aq")
    return "\\&" + text if text.startswith(".") else text
