"""`bkagent config check [FILE]`: find everything that is wrong with a configuration file."""

from bkagent.cli import config_file
from bkagent.cli.command import Call, Command
from bkagent.config import paths
from bkagent.config.options import agent, logging
from bkagent.config.sources import file_check
from bkagent.errors import UsageError


def run(call: Call) -> int:
    """Print a line for each problem; return 1 when there are any."""
    path = call.arguments[0] if call.arguments else config_file.find({}, call.environ)
    if not path:
        raise UsageError("no configuration file in the usual places; give its path as the argument")
    count, problems = file_check.problems(paths.expand(path, call.environ), agent.START)
    for line, sentence in problems:
        call.out.write(f"{path}:{line}: {sentence}\n")
    if not problems:
        call.out.write(f"{path}: {count} settings, no problems\n")
    return 1 if problems else 0


COMMAND = Command(
    "config check",
    run,
    options=logging.SHARED,
    arguments=("[FILE]",),
    description="""Reads a configuration file as `bkagent start` would and prints every problem with its line: lines
that are not settings, unknown names, invalid values, settings given twice, old names. Without
FILE it reads the file that `start` would use.

Exits with 1 if there is a problem.""",
    example="bkagent config check /etc/buildkite-agent/buildkite-agent.cfg",
)
