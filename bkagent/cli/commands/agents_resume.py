"""`bkagent agents resume AGENT`: give a paused agent jobs again."""

from bkagent.cli.command import Call, Command
from bkagent.config.options import logging, rest


def run(call: Call) -> int:
    """Send the request."""
    from bkagent.cli.pages import agents_view

    return agents_view.put(call, "resume", {})


COMMAND = Command(
    "agents resume",
    run,
    arguments=("AGENT",),
    options=(*logging.SHARED, *rest.SERVER),
    description="Ends the pause of an agent at once.",
    example="bkagent agents resume --data /var/lib/bkagent box-1",
)
