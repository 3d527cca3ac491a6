"""`bkagent agents pause AGENT`: give an agent no jobs for a while."""

from bkagent.cli.command import Call, Command
from bkagent.config.options import logging, rest
from bkagent.errors import UsageError


def run(call: Call) -> int:
    """Send the request."""
    from bkagent.cli.pages import agents_view

    minutes = call.settings[rest.MINUTES]
    if minutes < 1:
        raise UsageError(call.settings.invalid_value(rest.MINUTES, "a number of at least 1", str(minutes)))
    return agents_view.put(call, "pause", {"note": call.settings[rest.NOTE], "timeout_in_minutes": minutes})


COMMAND = Command(
    "agents pause",
    run,
    arguments=("AGENT",),
    options=(*logging.SHARED, *rest.PAUSE),
    description="A job that the agent runs goes on. The agent is resumed after the time, or by `agents resume`.",
    example="bkagent agents pause --data /var/lib/bkagent --note 'new disk' --timeout-in-minutes 60 box-1",
)
