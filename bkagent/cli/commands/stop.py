"""`bkagent stop`: have this job's agent leave."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import client
from bkagent.config.options import agent_state as options
from bkagent.errors import AgentError
from bkagent.remote.commands import agent_control
from bkagent.transport.retry import sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call


def run(call: "Call") -> int:
    """Send the request."""
    try:
        agent_control.stop(client.client(call), force=call.settings[options.FORCE], wait=sleep, report=call.report)
    except AgentError as error:
        raise AgentError(f"failed to stop agent: {error}") from error
    call.report("info", "Successfully stopped agent")
    return 0


COMMAND = Command(
    "stop",
    run,
    options=(*client.OPTIONS, options.FORCE),
    description="The agent finishes this job, disconnects and exits. With --force it cancels the job first.",
    example="bkagent stop",
)
