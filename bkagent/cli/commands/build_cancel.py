"""`bkagent build cancel`: cancel a build."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import client
from bkagent.config.options import builds as options
from bkagent.errors import AgentError
from bkagent.remote.commands import builds
from bkagent.transport.retry import sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call


def run(call: "Call") -> int:
    """Send the request."""
    try:
        cancelled = builds.cancel(client.client(call), call.settings[options.BUILD], wait=sleep, report=call.report)
    except AgentError as error:
        raise AgentError(f"failed to cancel build: {error}") from error
    call.report("info", f"Successfully cancelled build {cancelled}")
    return 0


COMMAND = Command(
    "build cancel",
    run,
    options=(*client.OPTIONS, options.BUILD),
    description="Cancels the running build, or the one that --build names.",
    example="bkagent build cancel",
)
