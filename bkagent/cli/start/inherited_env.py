"""The variables that configure a command: none of them may reach a job."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List

    from bkagent.cli.command import Call, Command


def names(command: "Command") -> "List[str]":
    """Return the names of all variables that configure a command."""
    return [name for option in command.options for name in option.env]


def inherited_environment(call: "Call") -> "Dict[str, str]":
    """Return what jobs inherit: the environment without what configures this agent."""
    ours = set(names(call.command))
    return {name: value for name, value in call.environ.items() if name not in ours}
