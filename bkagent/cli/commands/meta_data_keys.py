"""`bkagent meta-data keys`: print every key of the build, one a line."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import client, job_text
from bkagent.cli.in_job.meta_data_scope import scope
from bkagent.config.options import meta_data as options
from bkagent.errors import AgentError
from bkagent.remote.commands import meta_data
from bkagent.transport.retry import sleep
from bkagent.wire.shown_text import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call


def run(call: "Call") -> int:
    """Print the keys."""
    room, id = scope(call)
    try:
        keys = meta_data.keys(client.client(call), scope=room, id=id, wait=sleep, report=call.report)
    except AgentError as error:
        raise AgentError(f"failed to find meta-data keys: {error}") from error
    job_text.write(call, "".join(one_line(key) + "\n" for key in keys))
    return 0


COMMAND = Command(
    "meta-data keys",
    run,
    options=(*client.OPTIONS, options.ANY_JOB, options.BUILD),
    description="Prints the keys of the build, one a line.",
    example="bkagent meta-data keys | sort",
)
