"""`bkagent agents stop AGENT`: ask an agent to leave."""

from bkagent.cli.command import Call, Command
from bkagent.config.options import logging, rest


def run(call: Call) -> int:
    """Send the request."""
    from bkagent.cli.pages import agents_view

    return agents_view.put(call, "stop", {"force": not call.settings[rest.NO_FORCE]})


COMMAND = Command(
    "agents stop",
    run,
    arguments=("AGENT",),
    options=(*logging.SHARED, *rest.STOP),
    description="The job of the agent and its build are canceled, unless --no-force lets the agent finish its job.",
    example="bkagent agents stop --data /var/lib/bkagent --no-force box-1",
)
