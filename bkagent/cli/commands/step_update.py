"""`bkagent step update ATTRIBUTE [VALUE]`: change an attribute of a step."""

import os

from bkagent.cli.command import Command
from bkagent.cli.in_job import client, job_text
from bkagent.config.options import steps as options
from bkagent.config.options.job import REDACTED_VARS
from bkagent.errors import AgentError
from bkagent.remote.commands import idempotency, steps
from bkagent.transport.retry import sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call


def run(call: "Call") -> int:
    """Send the change."""
    settings = call.settings
    attribute = job_text.sendable(client.argument(call, 0, "attribute"))
    step = settings[options.STEP]
    what = f'New value for step "{step}" attribute "{attribute}"'
    value = client.scrub(call, client.value(call, 1), what)
    uuid = idempotency.uuid(os.urandom(16))
    change = steps.Change(uuid, settings[options.BUILD], attribute, value, settings[options.APPEND])
    try:
        steps.update(client.client(call), step, change, wait=sleep, report=call.report)
    except AgentError as error:
        raise AgentError(f"failed to change step: {error}") from error
    return 0


COMMAND = Command(
    "step update",
    run,
    options=(*client.OPTIONS, options.STEP, options.BUILD, options.APPEND, REDACTED_VARS),
    arguments=("ATTRIBUTE", "[VALUE]"),
    description=(
        "Changes an attribute of the running step, or of --step, such as its label or its priority.\n"
        "Without VALUE, the value is read from standard input, including its last line break."
    ),
    example="bkagent step update label 'Tests (3 of 7 failed)'",
)
