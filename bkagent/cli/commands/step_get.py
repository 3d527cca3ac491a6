"""`bkagent step get [ATTRIBUTE]`: print an attribute of a step, or all of it."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import client, job_text
from bkagent.config.options import steps as options
from bkagent.errors import AgentError
from bkagent.remote.commands import steps
from bkagent.transport.retry import sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call


def run(call: "Call") -> int:
    """Print what the control plane answers."""
    settings = call.settings
    attribute = job_text.sendable(call.arguments[0]) if call.arguments else ""
    try:
        attribute_text = steps.export(
            client.client(call), settings[options.STEP], attribute=attribute, build_id=settings[options.BUILD],
            format=settings[options.GET_FORMAT], wait=sleep, report=call.report,
        )  # fmt: skip
    except AgentError as error:
        raise AgentError(f"failed to get step: {error}") from error
    job_text.write(call, attribute_text + "\n")
    return 0


COMMAND = Command(
    "step get",
    run,
    options=(*client.OPTIONS, options.STEP, options.BUILD, options.GET_FORMAT),
    arguments=("[ATTRIBUTE]",),
    description="Prints an attribute of the running step, or of --step; without ATTRIBUTE, the whole step.",
    example="bkagent step get label --step tests",
)
