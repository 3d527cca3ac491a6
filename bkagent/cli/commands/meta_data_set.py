"""`bkagent meta-data set KEY [VALUE]`: set the value of a key of the build."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import client, job_text
from bkagent.config.options.job import JOB, REDACTED_VARS
from bkagent.errors import AgentError
from bkagent.remote.commands import meta_data
from bkagent.transport.retry import sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call


def run(call: "Call") -> int:
    """Send the pair."""
    key = job_text.sendable(client.argument(call, 0, "meta-data key"))
    if not key.strip():
        raise AgentError("key cannot be empty, or composed of only whitespace characters")
    value = client.value(call, 1, "meta-data value")
    if not value.strip():
        raise AgentError("value cannot be empty, or composed of only whitespace characters")
    value = client.scrub(call, value, f'Meta-data value for key "{key}"')
    try:
        meta_data.set(client.client(call), call.settings[JOB], key, value, wait=sleep, report=call.report)
    except AgentError as error:
        raise AgentError(f"failed to set meta-data: {error}") from error
    return 0


COMMAND = Command(
    "meta-data set",
    run,
    options=(*client.OPTIONS, JOB, REDACTED_VARS),
    arguments=("KEY", "[VALUE]"),
    description=(
        "Sets a key of the build; the last value set wins.\n"
        "Without VALUE, the value is read from standard input, including its last line break."
    ),
    example="bkagent meta-data set release-version 1.2.3",
)
