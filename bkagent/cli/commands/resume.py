"""`bkagent resume`: end the pause of this job's agent."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import client
from bkagent.errors import AgentError
from bkagent.remote.commands import agent_control
from bkagent.transport.retry import sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call


def run(call: "Call") -> int:
    """Send the request."""
    try:
        agent_control.resume(client.client(call), wait=sleep, report=call.report)
    except AgentError as error:
        raise AgentError(f"failed to resume agent: {error}") from error
    call.report("info", "Successfully resumed agent")
    return 0


COMMAND = Command(
    "resume",
    run,
    options=client.OPTIONS,
    description="The agent takes jobs again.",
    example="bkagent resume",
)
