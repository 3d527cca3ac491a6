"""`bkagent agents list`: list the agents that are connected."""

import time

from bkagent.cli.command import Call, Command
from bkagent.config.options import logging, rest

_PAUSE_S = 2.0
_CLEAR = "\x1b[H\x1b[2J"  # of a terminal


def run(call: Call) -> int:
    """Print a line for each agent."""
    from bkagent.cli.pages import agents_view

    settings = call.settings
    filters = {
        "name": settings[rest.NAME], "hostname": settings[rest.HOSTNAME], "version": settings[rest.VERSION],
    }  # fmt: skip
    with agents_view.agents(call) as agents:
        shown = ""
        while True:
            text = _text(agents.list(filters), settings[rest.AS_JSON])
            if text != shown:
                call.out.write((_CLEAR if settings[rest.WATCH] and call.out.isatty() else "") + text)
                call.out.flush()
                shown = text
            if not settings[rest.WATCH]:
                return 0
            time.sleep(_PAUSE_S)


def _text(forms: "list[dict[str, object]]", as_json: bool) -> str:
    from bkagent.cli.pages import agents_view

    if as_json:
        import json

        return json.dumps(forms, indent=2) + "\n"
    return "".join(line + "\n" for line in agents_view.table(forms))


COMMAND = Command(
    "agents list",
    run,
    options=(*logging.SHARED, *rest.LIST),
    description="Lists the agents that are connected or stopping: those of the service, or of `bkagent server`.",
    example="bkagent agents list --data /var/lib/bkagent --watch",
)
