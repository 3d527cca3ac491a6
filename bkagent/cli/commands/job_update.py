"""`bkagent job update ATTRIBUTE [VALUE]`: change an attribute of a job."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import client, job_text
from bkagent.config.options.job import JOB, REDACTED_VARS
from bkagent.errors import AgentError
from bkagent.remote.commands import job_updates
from bkagent.transport.retry import sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call


def run(call: "Call") -> int:
    """Send the change."""
    job = call.settings[JOB]
    attribute = job_text.sendable(client.argument(call, 0, "attribute"))
    what = f'New value for job "{job}" attribute "{attribute}"'
    value = client.scrub(call, client.value(call, 1), what)
    try:
        job_updates.update(client.client(call), job, attribute, value, wait=sleep, report=call.report)
    except AgentError as error:
        raise AgentError(f"failed to update job: {error}") from error
    return 0


COMMAND = Command(
    "job update",
    run,
    options=(*client.OPTIONS, JOB, REDACTED_VARS),
    arguments=("ATTRIBUTE", "[VALUE]"),
    description=(
        "Changes an attribute of the running job; control planes know only timeout_in_minutes.\n"
        "Without VALUE, the value is read from standard input, including its last line break."
    ),
    example="bkagent job update timeout_in_minutes 20",
)
