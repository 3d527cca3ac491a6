"""Help pages, made from the command and option tables."""

import sys

from bkagent.cli import table
from bkagent.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List

    from bkagent.cli.command import Command
    from bkagent.config.option import Option


def answer(words: "List[str]") -> int:
    """Answer a command line that names no command: a list of them, or the page that "help" asks for.

    Raises UsageError for words that are no command and no group.
    """
    asked = [word for word in words if word not in ("help", "h", "-h", "--help", "-help")]
    name, _ = table.find(asked)
    if name:
        module = table.module_name(name)
        __import__(module)
        return describe(sys.modules[module].COMMAND)
    if not asked:
        _print(_overview())
        return 0
    if asked[0] in table.GROUPS and len(asked) == 1:
        _print(_group(asked[0]))
        return 0
    raise UsageError(_unknown(" ".join(asked[:2]) if asked[0] in table.GROUPS else asked[0]))


def describe(command: "Command") -> int:
    """Print a command's page."""
    usage = " ".join(["bkagent", command.name, "[options]", *command.arguments])
    parts = [f"Usage: {usage}", "", command.description or command.summary + "."]
    if command.example:
        parts += ["", "Example:", "", f"    $ {command.example}"]
    shown = [option for option in command.options if not option.hidden and not option.replaced_by]
    if shown:
        parts += ["", "Options:", ""]
        for option in shown:
            parts += _option(option)
    _print(parts)
    return 0


def _overview() -> "List[str]":
    parts = ["Usage: bkagent COMMAND [options] [arguments]", "", "Commands:", ""]
    parts += _listed([name for name in table.COMMANDS if name not in table.HIDDEN])
    return [*parts, "", "`bkagent COMMAND --help` describes one; `bkagent --version` prints the version."]


def _group(group: str) -> "List[str]":
    names = [name for name in table.COMMANDS if name.split(" ")[0] == group]
    return [f"Usage: bkagent {group} COMMAND [options] [arguments]", "", table.GROUPS[group] + ".", "", *_listed(names)]


def _listed(names: "List[str]") -> "List[str]":
    width = max(len(name) for name in names)
    return [f"  {name:<{width}}  {table.COMMANDS[name]}" for name in sorted(names)]


def _option(option: "Option") -> "List[str]":
    value = f" {option.kind.name.upper().replace(' ', '_')}" if option.kind.takes_value else ""
    notes = []
    if option.default not in ("", False, (), None) and not callable(option.default) and not option.secret:
        default = ",".join(option.default) if isinstance(option.default, tuple) else option.default
        notes.append(f"default: {default}")
    if option.env:
        notes.append("$" + ", $".join(option.env))
    text = option.help + (f" [{'; '.join(notes)}]" if notes else "")
    return [f"  --{option.name}{value}", f"      {text}"]


def _unknown(name: str) -> str:
    from bkagent.config.nearest import nearest

    near = nearest(name, list(table.COMMANDS) + list(table.GROUPS))
    hint = f'; did you mean "{near}"?' if near else ""
    return f'there is no command "{name}"{hint}'


def _print(lines: "List[str]") -> None:
    sys.stdout.write("\n".join(lines) + "\n")
