"""`bkagent annotation remove`: take a note off the build's page."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import client, job_text
from bkagent.config.options import annotations as options
from bkagent.config.options.job import JOB
from bkagent.errors import AgentError
from bkagent.remote.commands import annotations
from bkagent.transport.retry import sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call


def run(call: "Call") -> int:
    """Send the request."""
    settings = call.settings
    context = job_text.sendable(settings[options.REMOVED_CONTEXT])
    try:
        annotations.remove(
            client.client(call), settings[JOB], context, scope=settings[options.SCOPE], wait=sleep, report=call.report
        )
    except AgentError as error:
        raise AgentError(f"failed to remove annotation: {error}") from error
    call.report("debug", "Successfully removed annotation")
    return 0


COMMAND = Command(
    "annotation remove",
    run,
    options=(*client.OPTIONS, options.REMOVED_CONTEXT, options.SCOPE, JOB),
    description="Removes the annotation of a context; without --context, the one created without a context.",
    example="bkagent annotation remove --context tests",
)
