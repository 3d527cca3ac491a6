"""`bkagent pause`: have this job's agent take no more jobs for a while."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import client, job_text
from bkagent.config.options import agent_state as options
from bkagent.config.options.job import REDACTED_VARS
from bkagent.errors import AgentError
from bkagent.remote.commands import agent_control
from bkagent.transport.retry import sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call


def run(call: "Call") -> int:
    """Send the request."""
    given, minutes = job_text.sendable(call.settings[options.NOTE]), call.settings[options.TIMEOUT_MINUTES]
    note = client.scrub(call, given, "The note")
    try:
        agent_control.pause(client.client(call), note=note, timeout_minutes=minutes, wait=sleep, report=call.report)
    except AgentError as error:
        raise AgentError(f"failed to pause agent: {error}") from error
    call.report("info", "Successfully paused agent")
    return 0


COMMAND = Command(
    "pause",
    run,
    options=(*client.OPTIONS, options.NOTE, options.TIMEOUT_MINUTES, REDACTED_VARS),
    description="The agent finishes this job, stays connected, and takes no further jobs until it is resumed.",
    example="bkagent pause --note 'The disk is full' --timeout-in-minutes 30",
)
