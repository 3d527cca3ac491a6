"""`bkagent agents list`: list the agents that are connected."""

from bkagent.cli.command import Call, Command
from bkagent.config.options import logging, rest


def run(call: Call) -> int:
    """Print a line for each agent."""
    from bkagent.cli.pages import agents_view

    settings = call.settings
    filters = {
        "name": settings[rest.NAME], "hostname": settings[rest.HOSTNAME], "version": settings[rest.VERSION],
    }  # fmt: skip
    if settings[rest.WATCH]:
        from bkagent.cli.pages import agents_watch

        return agents_watch.watch(call, filters)
    with agents_view.agents(call) as agents:
        forms = agents.list(filters)
    if settings[rest.AS_JSON]:
        import json

        call.out.write(json.dumps(forms, indent=2) + "\n")
    else:
        call.out.write("".join(line + "\n" for line in agents_view.table(agents_view.rows(forms))))
    return 0


COMMAND = Command(
    "agents list",
    run,
    options=(*logging.SHARED, *rest.LIST),
    description="Lists the agents that are connected or stopping: those of the service, or of `bkagent server`.",
    example="bkagent agents list --data /var/lib/bkagent --watch",
)
