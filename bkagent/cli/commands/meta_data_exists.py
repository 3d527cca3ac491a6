"""`bkagent meta-data exists KEY`: exit with 0 when the key has a value, with 100 when it has none."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import client, job_text
from bkagent.cli.in_job.meta_data_scope import scope
from bkagent.config.options import meta_data as options
from bkagent.errors import AgentError, KeyAbsent
from bkagent.remote.commands import meta_data
from bkagent.transport.retry import sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call


def run(call: "Call") -> int:
    """Say by the exit status whether the key exists."""
    key = job_text.sendable(client.argument(call, 0, "meta-data key"))
    room, id = scope(call)
    try:
        exists = meta_data.exists(client.client(call), key, scope=room, id=id, wait=sleep, report=call.report)
    except AgentError as error:
        raise AgentError(f"failed to see if meta-data exists: {error}") from error
    if not exists:
        raise KeyAbsent(f"meta-data key {key} does not exist")
    return 0


COMMAND = Command(
    "meta-data exists",
    run,
    options=(*client.OPTIONS, options.ANY_JOB, options.BUILD),
    arguments=("KEY",),
    description="Exits with 0 if the key exists, with 100 if it does not, with 1 on an error.",
    example="if bkagent meta-data exists release-version; then echo released; fi",
)
