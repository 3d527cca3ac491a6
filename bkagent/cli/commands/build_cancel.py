"""`bkagent build cancel`: cancel a build."""

from bkagent.cli import in_job
from bkagent.cli.command import Command
from bkagent.config.options import builds as options
from bkagent.errors import AgentError
from bkagent.remote import builds
from bkagent.transport.retry import sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call


def run(call: "Call") -> int:
    """Send the request."""
    try:
        cancelled = builds.cancel(in_job.client(call), call.settings[options.BUILD], wait=sleep, report=call.report)
    except AgentError as error:
        raise AgentError(f"failed to cancel build: {error}") from error
    call.report("info", f"Successfully cancelled build {cancelled}")
    return 0


COMMAND = Command(
    "build cancel",
    "Cancel a build",
    run,
    options=(*in_job.OPTIONS, options.BUILD),
    description="Cancels the running build, or the one that --build names.",
    example="bkagent build cancel",
)
