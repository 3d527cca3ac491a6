"""The reference pages `docs/reference/*.md`, made from the command and option tables."""

import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, TOP)

from bkagent.cli import table  # noqa: E402
from bkagent.cli.command import Command  # noqa: E402
from bkagent.cli.pages import completion, help  # noqa: E402
from bkagent.cli.pages.option_groups import group_options  # noqa: E402
from bkagent.config.option import Option  # noqa: E402
from bkagent.config.variables import dangerous_variables  # noqa: E402
from bkagent.wire.log_events import EVENTS  # noqa: E402

FOLDER = os.path.join(TOP, "docs", "reference")
_MADE = "<!-- Made by `python3 packaging/tasks.py reference`; change the tables in bkagent/, not this page. -->"
_FILE_NOTE = (
    "Every flag of this command but `--config` may also stand in the "
    "[configuration file](README.md#configuration-file), under its name without dashes."
)
_CONFIGURATION = """\
## Values

A value comes from the first of these that has one: the flag, the environment variables in the order of the page, the
configuration file (`start` and `config show` alone), the default. `bkagent config show` says which it was.

- One dash or two, `--flag value` or `--flag=value`; flags may stand behind arguments; `--` ends them.
- A flag without a value means true; `--flag=false` says the opposite. True is `1 t T true TRUE True`, false is
  `0 f F false FALSE False`.
- A number may be written `0x1f`, `0o17`, `0b11` (in the file in decimal digits alone), a duration `90s`, `5m` or
  `1h30m`.
- A list is made by repeating its flag; most lists also split at commas. A variable or a line of the file holds the
  whole list, divided by commas.
- A variable that exists and is empty counts: it hides the file. It empties a text or a list and switches a flag off.
- In paths `$NAME` and a leading `~` are replaced, and relative ones made absolute.

## Configuration file

`--config` or `BUILDKITE_AGENT_CONFIG` names it. Otherwise it is the first `bkagent.cfg`, else the first
`buildkite-agent.cfg`, in: the folder of the program; on Windows `C:\\buildkite-agent`,
`%USERPROFILE%\\AppData\\Local\\buildkite-agent`, `%USERPROFILE%\\AppData\\Local\\BuildkiteAgent`; elsewhere
`$HOME/.buildkite-agent`, `/opt/homebrew/etc/buildkite-agent` (Macs with Apple silicon),
`/usr/local/etc/buildkite-agent`, `/etc/buildkite-agent`.

One `key=value` a line (`key: value` where there is no `=`), `export` before it is passed over, `#` outside quotes
starts a comment. Two like quotes around a value are taken off; between them `\\n` is a line break and `\\"` a quote.
Of equal keys the last wins. What cannot be read is said at the start; `bkagent config check` lists it all.
"""


_MESSAGES = """\
## Messages

`bkagent start --log-format json` gives each message a stable key: [events of the agent's log](log-events.md).
"""

_EVENTS = """\
With `--log-format json`, `bkagent start` writes each of its messages as a JSON object on a line: `ts`, `level`, `msg`,
and `event`, a key of this list. The words of `msg` may change with any release. A key keeps its meaning, so alerts and
dashboards should look at `event`; a release that removes one says so in the changelog."""

_DANGEROUS = """\
With `--no-command-eval` all of these, and with `--protect-dangerous-git-environment-variables` those of git, are left
out of what a job, the hooks of its repository and its plugins set; [security](../security.md) says how. `*` stands for
any characters. Editors and pagers may be set to what runs nothing, such as `cat`, `true` or an empty text.

They are those of shells, git, ssh, the loader and interpreters. Build tools have variables of their own (`MAVEN_OPTS`,
`GRADLE_OPTS`, `MAKEFLAGS`, `RUSTC_WRAPPER`, `npm_config_*` and many more): name those that matter to you in
`--protected-environment-variables`."""


def pages() -> "dict[str, str]":
    """Return {file name: text} of all pages."""
    commands = completion.commands()
    made = {file_name(command): _page(command) for command in commands}
    made["README.md"] = _index(commands)
    made["dangerous-variables.md"] = _dangerous()
    made["log-events.md"] = _log_events()
    return made


def write() -> "list[str]":
    """Write the pages, take away those of commands that are gone, and return the paths."""
    os.makedirs(FOLDER, exist_ok=True)
    made = pages()
    for name in os.listdir(FOLDER):
        if name.endswith(".md") and name not in made:
            os.unlink(os.path.join(FOLDER, name))
    for name, text in made.items():
        with open(os.path.join(FOLDER, name), "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
    return sorted(os.path.join(FOLDER, name) for name in made)


def file_name(command: Command) -> str:
    """Return the name of a command's page."""
    return command.name.replace(" ", "-") + ".md"


def _index(commands: "list[Command]") -> str:
    lines = ["# Reference", "", _MADE, "", "## Commands", "", "| Command | What it does |", "| --- | --- |"]
    for command in commands:
        lines.append(f"| [`{command.name}`]({file_name(command)}) | {_cell(table.COMMANDS[command.name])} |")
    return "\n".join([*lines, "", _CONFIGURATION, _MESSAGES])


def _dangerous() -> str:
    lines = [
        "# Variables that run something", "", _MADE, "", _DANGEROUS, "",
        "| Variables | What they choose | With `--protect-dangerous-git-environment-variables` | Source |",
        "| --- | --- | --- | --- |",
    ]  # fmt: skip
    for group in dangerous_variables.GROUPS:
        names = " ".join(f"`{name}`" for name in group.names)
        lines.append(f"| {names} | {group.kind} | {'yes' if group.is_gits else 'no'} | {_cell(group.source)} |")
    return "\n".join([*lines, ""])


def _log_events() -> str:
    lines = ["# Events of the agent's log", "", _MADE, "", _EVENTS, "", "| `event` | What happened |", "| --- | --- |"]
    lines += [f"| `{name}` | {_cell(meaning)} |" for name, meaning in sorted(EVENTS.items())]
    return "\n".join([*lines, ""])


def _page(command: Command) -> str:
    usage = " ".join(["bkagent", command.name, "[options]", *command.arguments])
    description = command.description or table.COMMANDS[command.name] + "."
    lines = [f"# bkagent {command.name}", "", _MADE, "", "```text", usage, "```", "", description]
    if command.example:
        lines += ["", "## Example", "", "```sh", command.example, "```"]
    if command.reads_file:
        lines += ["", _FILE_NOTE]
    shown = [option for option in command.options if not option.hidden]
    for title, options in group_options(shown):
        lines += ["", f"## {title}", "", "| Flag | Default | Variables | |", "| --- | --- | --- | --- |"]
        lines += [_row(option) for option in options]
    old = [option for option in command.options if option.replaced_by]
    if old:
        lines += ["", "## Old names", "", "| Flag | Use instead | Variables |", "| --- | --- | --- |"]
        lines += [f"| `--{option.name}` | `--{option.replaced_by}` | {_variables(option)} |" for option in old]
    return "\n".join([*lines, ""])


def _row(option: Option) -> str:
    value = help.value_name(option)
    flag = f"`--{option.name} {value}`" if value else f"`--{option.name}`"
    default = default_text(option)
    if default and not callable(option.default):
        default = f"`{default}`"
    text = option.help + (" Required." if option.required and not option.default else "")
    text += " Deprecated." if option.deprecated else ""
    return f"| {_cell(flag)} | {_cell(default)} | {_variables(option)} | {_cell(text)} |"


def default_text(option: Option) -> str:
    """Return the default as a page shows it, the same on every machine."""
    if callable(option.default):
        return "depends on the system"
    return help.default_text(option, {})


def _variables(option: Option) -> str:
    return ", ".join(f"`{name}`" for name in option.env)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
