"""`bkagent service-process`: run the agent as a service. Started by Windows, not by people."""

from bkagent.cli.command import Call, Command
from bkagent.config.options import services


def run(call: Call) -> int:
    """Run `start` with the words of the command line; return its status."""
    from bkagent.cli import table
    from bkagent.cli.service import requests
    from bkagent.cli.service.agent_service import AgentService
    from bkagent.cli.service.sentences import explained

    folder = requests.open_folder(call)
    with explained(call.settings[services.NAME]):
        service = AgentService(call.settings[services.NAME], call.settings[services.DRAIN_TIMEOUT])
    return service.run(table.load("start"), call.arguments, folder.log)


COMMAND = Command(
    name="service-process", arguments=("[START-OPTION]...",), options=services.PROCESS,
    example=r"bkagent service-process --name bkagent -- --config C:\bkagent\bkagent.cfg", run=run,
)  # fmt: skip
