"""`bkagent step cancel`: cancel the unfinished jobs of a step."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import client
from bkagent.config.options import steps as options
from bkagent.errors import AgentError, UsageError
from bkagent.remote.commands import steps
from bkagent.transport.retry import sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call


def run(call: "Call") -> int:
    """Send the request."""
    settings = call.settings
    grace_s = settings[options.FORCE_GRACE_PERIOD]
    if grace_s < 0:
        raise UsageError(settings.invalid_value(options.FORCE_GRACE_PERIOD, "0 or more", grace_s))
    try:
        cancelled = steps.cancel(
            client.client(call), settings[options.STEP], build_id=settings[options.HIDDEN_BUILD],
            force=settings[options.FORCE], grace_s=grace_s, wait=sleep, report=call.report,
        )  # fmt: skip
    except AgentError as error:
        raise AgentError(f"failed to cancel step: {error}") from error
    call.report("info", f"Successfully cancelled step: {cancelled}")
    return 0


COMMAND = Command(
    "step cancel",
    run,
    options=(
        *client.OPTIONS, options.STEP, options.HIDDEN_BUILD, options.FORCE, options.FORCE_GRACE_PERIOD,
    ),
    description="Cancels the unfinished jobs of the running step, or of --step.",
    example="bkagent step cancel --step slow-tests --force --force-grace-period-seconds 30",
)  # fmt: skip
