"""Help pages, made from the command and option tables."""

import sys

from bkagent.cli import table
from bkagent.cli.pages import layout
from bkagent.config.kinds import duration_text
from bkagent.errors import UnknownCommand, UsageError
from bkagent.version import NAME, program_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Mapping

    from bkagent.cli.command import Command
    from bkagent.config.option import Option

_WORDS = ("help", "h")
_FLAGS = ("-h", "--help", "-help", "--h")
_OPTION_COLUMN = 32
_NARROW = 70


def answer(words: "List[str]", environ: "Mapping[str, str]") -> int:
    """Answer a command line that names no command: a list of them, or the page that "help" asks for.

    Raises UnknownCommand for an unknown command or group, UsageError for a flag before a command.
    """
    first = words[0] if words else "help"
    if first in _FLAGS or words in ([], ["help"], ["h"]):
        return _print(_overview(), environ)
    if first in _WORDS:
        return _answer_help(words[1:], environ)
    if first in table.GROUPS:
        return _answer_in_group(first, words[1:], environ)
    if first.startswith("-") and len(first) > 1:
        _print(_overview(), environ)
        raise UsageError(f"unknown flag {first} before the command; the flags of a command follow it")
    raise _unknown_subcommand(first)


def _answer_help(words: "List[str]", environ: "Mapping[str, str]") -> int:
    name, _ = table.find(words)
    if name:
        return _page(name, environ)
    if words[0] in _FLAGS:
        return _print(_overview(), environ)
    if words[0] in table.GROUPS:
        return _answer_in_group(words[0], words[1:] and ["help", *words[1:]], environ)
    raise _unknown_subcommand(words[0])


def _answer_in_group(group: str, words: "List[str]", environ: "Mapping[str, str]") -> int:
    """Answer the words after the name of a group that are not one of its commands."""
    first = words[0] if words else "help"
    if f"{group} {first}" in table.GROUPS:
        return _answer_in_group(f"{group} {first}", words[1:], environ)
    if first in _WORDS and len(words) > 1:
        if f"{group} {words[1]}" in table.GROUPS:
            return _answer_in_group(f"{group} {words[1]}", words[2:] and ["help", *words[2:]], environ)
        name, _ = table.find([*group.split(" "), words[1]])
        if name == f"{group} {words[1]}":
            return _page(name, environ)
        raise _unknown_subcommand(words[1], group)
    if first not in _WORDS and not first.startswith("-"):
        raise _unknown_subcommand(first, group)
    _print(_group(group), environ)
    if first not in _WORDS and first not in _FLAGS:
        raise UsageError(f"{group} has no flag {first}; the flags of a command follow it")
    return 0


def _page(name: str, environ: "Mapping[str, str]") -> int:
    return describe(table.load(name), environ) if name != "help" else _print(_overview(), environ)


def describe(command: "Command", environ: "Mapping[str, str]") -> int:
    """Print a command's page."""
    columns = layout.width(sys.stdout, environ)
    return _print(page(command, columns, environ, program_name()), environ)


def page(command: "Command", columns: int, environ: "Mapping[str, str]", program: str = NAME) -> "List[str]":
    """Return the lines of a command's page. Headings are the lines of one word or a few that end in a colon.

    `program` is the name that its text has for this program.
    """
    from bkagent.cli.pages.option_groups import group_options

    usage = " ".join([program, command.name, "[options]", *command.arguments])
    text = _with_program_name(command.description or table.COMMANDS[command.name] + ".", program)
    lines = [f"Usage: {usage}", "", *layout.paragraphs(text, columns)]
    if command.example:
        lines += [
            "",
            "Example:",
            "",
            *(f"    $ {line}" for line in _with_program_name(command.example, program).split("\n")),
        ]
    shown = [option for option in command.options if not option.hidden]
    if shown:
        lines += ["", "Options:"]
    for title, options in group_options(shown):
        lines += ["", f"  {title}:"]
        for option in options:
            lines += _option(option, columns, environ)
    return lines


def _with_program_name(text: str, program: str) -> str:
    """Return a text with the name of the program for its own where that is a word of a command line or a sentence."""
    return text.replace(f"{NAME} ", f"{program} ")


def value_name(option: "Option") -> str:
    """Return what stands for the value of an option, "" for one that has none."""
    if not option.kind.takes_value:
        return ""
    words = getattr(option.kind, "words", ())
    return "|".join(word for word in words if word) or option.kind.name.upper().replace(" ", "_")


def default_text(option: "Option", environ: "Mapping[str, str]") -> str:
    """Return the default as a user would write it, "" where it says nothing."""
    default = option.default(environ) if callable(option.default) else option.default
    if option.secret or default is False or default in ("", (), None):
        return ""
    if isinstance(default, tuple):
        return ", ".join(str(item) for item in default)
    if isinstance(default, float):
        return duration_text(default)
    return "true" if default is True else str(default)


def _option(option: "Option", columns: int, environ: "Mapping[str, str]") -> "List[str]":
    notes = ["required"] if option.required and not option.default else []
    if option.deprecated:
        notes.append("deprecated")
    default = default_text(option, environ)
    if default:
        notes.append(f"default: {default}")
    if option.env:
        notes.append(", ".join("$" + name for name in option.env))
    text = option.help + (f" [{'; '.join(notes)}]" if notes else "")
    flag = f"    --{option.name} {value_name(option)}".rstrip()
    return layout.columns(flag, text, 8 if columns < _NARROW else _OPTION_COLUMN, columns)


def _overview() -> "List[str]":
    names = [name for name in table.COMMANDS if name not in table.HIDDEN]
    single = [name for name in names if " " not in name]
    program = program_name()
    lines = [f"Usage: {program} COMMAND [options] [arguments]", "", "Commands:", "", *_command_rows(single)]
    lines += ["", "Groups of commands:", ""]
    for group in sorted(table.GROUPS):
        members = [name for name in names if name.startswith(group + " ")]
        if members:
            lines += [f"  {group}: {', '.join(sorted({_word_after(group, name) for name in members}))}"]
            lines += [f"      {table.GROUPS[group]}"]
    return [*lines, "", f"`{program} COMMAND --help` describes a command; `{program} --version` prints the version."]


def _word_after(group: str, name: str) -> str:
    return name[len(group) + 1 :].partition(" ")[0]


def _group(group: str) -> "List[str]":
    names = [name for name in table.COMMANDS if name.startswith(group + " ")]
    usage = f"Usage: {program_name()} {group} COMMAND [options] [arguments]"
    return [usage, "", table.GROUPS[group] + ".", "", "Commands:", "", *_command_rows(names)]


def _command_rows(names: "List[str]") -> "List[str]":
    width = max(len(name) for name in names)
    return [f"  {name:<{width}}  {table.COMMANDS[name]}" for name in sorted(names)]


def _unknown_subcommand(word: str, group: str = "") -> UnknownCommand:
    from bkagent.config.suggest import closest

    if group:
        near = closest(word, [_word_after(group, name) for name in table.COMMANDS if name.startswith(group + " ")])
    else:
        near = closest(word, [*(name for name in table.COMMANDS if " " not in name), *table.GROUPS])
    hint = f'; did you mean "{near}"?' if near else ""
    program = program_name()
    help_command = f"{program} {group}" if group else program
    return UnknownCommand(f"{program}: unknown subcommand \"{word}\"{hint}\nRun '{help_command} --help' for usage.")


def _is_heading(line: str) -> bool:
    return line.endswith(":") and line.strip()[:1].isalpha()


def _print(lines: "List[str]", environ: "Mapping[str, str]") -> int:
    if layout.is_coloured(sys.stdout, environ):
        lines = [f"\x1b[1m{line}\x1b[0m" if _is_heading(line) else line for line in lines]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0
