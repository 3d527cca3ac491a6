"""`bkagent agents get AGENT`: describe one agent."""

from bkagent.cli.command import Call, Command
from bkagent.config.options import logging, rest


def run(call: Call) -> int:
    """Print its lines."""
    from bkagent.cli.in_job.client import argument
    from bkagent.cli.pages import agents_view

    agent = argument(call, 0, "AGENT")
    with agents_view.agents(call) as agents:
        form = agents.get(agent)
    if call.settings[rest.AS_JSON]:
        import json

        call.out.write(json.dumps(form, indent=2) + "\n")
    else:
        call.out.write("".join(line + "\n" for line in agents_view.details(form)))
    return 0


COMMAND = Command(
    "agents get",
    run,
    arguments=("AGENT",),
    options=(*logging.SHARED, *rest.GET),
    description="AGENT is the id of an agent, or the name of one that is connected.",
    example="bkagent agents get --data /var/lib/bkagent box-1",
)
