"""`bkagent config show`: every value of `bkagent start`, and where it comes from."""

from bkagent.cli.command import Call, Command
from bkagent.config.kinds import duration_text
from bkagent.config.option import Option
from bkagent.config.options import agent
from bkagent.config.options.config_show import JSON
from bkagent.config.secret import Secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List


def run(call: Call) -> int:
    """Print the settings; return 0."""
    shown = [option for option in agent.START if not option.hidden or call.settings.is_set(option)]
    if call.settings[JSON]:
        import json

        rows = {
            option.name: {"value": _value(option, call), "origin": call.settings.origin(option)} for option in shown
        }
        call.out.write(json.dumps(rows, indent=2) + "\n")
        return 0
    for line in _lines(call, shown):
        call.out.write(line + "\n")
    return 0


def _lines(call: Call, shown: "List[Option]") -> "List[str]":
    """Return lines that would do as a configuration file: each with its origin, defaults as comments."""
    marks = {option.name: "" if call.settings.is_set(option) else "# " for option in shown}
    pairs = [
        (f"{marks[option.name]}{option.name}={_text(option, call)}", call.settings.origin(option)) for option in shown
    ]
    width = min(max(len(left) for left, _ in pairs), 48)
    return [f"{left:<{width}}  # {origin}" for left, origin in pairs]


def _value(option: Option, call: Call) -> object:
    setting = call.settings[option]
    if option.secret:
        return str(Secret("")) if setting else ""
    return list(setting) if isinstance(setting, (list, tuple)) else setting


def _text(option: Option, call: Call) -> str:
    value = _value(option, call)
    if isinstance(value, list):
        return _quoted(",".join(str(element) for element in value))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return duration_text(value)
    return _quoted(str(value))


def _quoted(text: str) -> str:
    """Return a text as a file holds it: in quotes where a `#` or a line break would be misread."""
    if "#" not in text and "\n" not in text:
        return text
    return '"' + text.replace("\n", "\\n") + '"'


COMMAND = Command(
    "config show",
    run,
    options=(*(option.required_as("") for option in agent.START), JSON),
    description="""Takes the flags of `bkagent start`, reads the same variables and configuration file, and
prints each setting with its value and its origin: flag, environment variable, line of the file, or default. Tokens
are never printed.""",
    example="bkagent config show --config ./bkagent.cfg",
    reads_file=True,
)
