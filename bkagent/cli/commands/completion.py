"""`bkagent completion SHELL`: print a script that completes command lines."""

from bkagent.cli.command import Call, Command
from bkagent.cli.pages import completion
from bkagent.config.options import logging
from bkagent.config.settings import invalid_value
from bkagent.errors import MissingValue, UsageError


def run(call: Call) -> int:
    """Print the script for one shell; return 0."""
    if not call.arguments:
        raise MissingValue("shell")
    script = completion.SCRIPTS.get(call.arguments[0])
    if script is None:
        legal = "one of " + ", ".join(completion.SCRIPTS)
        raise UsageError(invalid_value("shell", legal, call.arguments[0], "argument SHELL"))
    call.out.write(script(completion.commands()))
    return 0


COMMAND = Command(
    "completion",
    run,
    options=logging.SHARED,
    arguments=("SHELL",),
    description="""Prints a script for bash, zsh or fish that completes commands, flags and the values of flags that
have a fixed set of choices. Load it in the shell's startup file:

    bash   source <(bkagent completion bash)
    zsh    source <(bkagent completion zsh)
    fish   bkagent completion fish | source""",
    example="bkagent completion bash > /etc/bash_completion.d/bkagent",
)
