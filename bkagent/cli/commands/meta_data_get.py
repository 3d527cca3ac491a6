"""`bkagent meta-data get KEY`: print the value of a key, without a line end."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import client, job_text
from bkagent.cli.in_job.meta_data_scope import scope
from bkagent.config.options import meta_data as options
from bkagent.errors import AgentError, Refused
from bkagent.remote.commands import meta_data
from bkagent.transport.retry import sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call


def run(call: "Call") -> int:
    """Print the value, or the default for a key that does not exist."""
    key = job_text.sendable(client.argument(call, 0, "meta-data key"))
    room, id = scope(call)
    try:
        value = meta_data.get(client.client(call), key, scope=room, id=id, wait=sleep, report=call.report)
    except AgentError as error:
        if not (isinstance(error, Refused) and error.status == 404 and call.settings.is_set(options.DEFAULT)):
            raise AgentError(f"failed to get meta-data: {error}") from error
        value = call.settings[options.DEFAULT]
        call.report("warn", f'No meta-data value exists with key "{key}", returning the supplied default "{value}"')
    job_text.write(call, value)
    return 0


COMMAND = Command(
    "meta-data get",
    run,
    options=(*client.OPTIONS, options.DEFAULT, options.ANY_JOB, options.BUILD),
    arguments=("KEY",),
    description="Prints the value of a key of the build, without a line break.",
    example="version=$(bkagent meta-data get release-version --default none)",
)
