"""`bkagent env dump`: print this process's environment as JSON."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import job_text
from bkagent.config.options.job_env import DUMP_FORMAT
from bkagent.config.options.logging import SHARED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call


def run(call: "Call") -> int:
    """Print one object, names sorted."""
    variables = {job_text.sendable(name): job_text.sendable(call.environ[name]) for name in sorted(call.environ)}
    job_text.write(call, job_text.as_json(variables, pretty=call.settings[DUMP_FORMAT] == "json-pretty") + "\n")
    return 0


COMMAND = Command(
    "env dump",
    run,
    options=(*SHARED, DUMP_FORMAT),
    description="Prints the environment of this process as a JSON object; also works outside a job.",
    example="bkagent env dump --format json-pretty",
)
