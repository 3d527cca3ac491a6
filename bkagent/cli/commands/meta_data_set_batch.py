"""`bkagent meta-data set-batch KEY=VALUE...`: set several keys of the build at once."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import client, job_text
from bkagent.config.options.job import JOB, REDACTED_VARS
from bkagent.errors import AgentError
from bkagent.remote.commands import meta_data
from bkagent.transport.retry import sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Tuple

    from bkagent.cli.command import Call


def run(call: "Call") -> int:
    """Send the pairs."""
    if not call.arguments:
        raise AgentError("at least one key=value argument is required")
    items = []
    for key, value in [_pair(job_text.sendable(word)) for word in call.arguments]:
        items.append((key, client.scrub(call, value, f'Meta-data value for key "{key}"')))
    try:
        meta_data.set_batch(client.client(call), call.settings[JOB], items, wait=sleep, report=call.report)
    except AgentError as error:
        raise AgentError(f"failed to set meta-data batch: {error}") from error
    return 0


def _pair(word: str) -> "Tuple[str, str]":
    key, equals, value = word.partition("=")
    if not equals:
        raise AgentError(f'invalid argument "{word}": must be in key=value format')
    for what, text in (("key", key), ("value", value)):
        if not text.strip():
            raise AgentError(
                f'invalid argument "{word}": {what} cannot be empty, or composed of only whitespace characters'
            )
    return key, value


COMMAND = Command(
    "meta-data set-batch",
    run,
    options=(*client.OPTIONS, JOB, REDACTED_VARS),
    arguments=("KEY=VALUE...",),
    description="Sets several keys of the build in one request: all of them or, if one is refused, none.",
    example="bkagent meta-data set-batch version=1.2.3 channel=beta",
)
