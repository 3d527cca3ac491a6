"""`bkagent service start`: start a service."""

from bkagent.cli.command import Call, Command
from bkagent.config.options import services


def run(call: Call) -> int:
    """Start it and wait until the agent runs; return 0."""
    from bkagent.cli.service import requests
    from bkagent.cli.service.sentences import explained
    from bkagent.errors import AgentError
    from bkagent.system.service import service_manager

    folder = requests.open_folder(call)
    name = call.settings[services.NAME]
    requests.query(name)
    with explained(name):
        service_manager.start(name)
    service = requests.wait_while(name, "starting")
    if service.state == "stopped":
        raise AgentError(
            f"the service {name} has ended with exit code {service.exit_code}; the reason is in {folder.log}"
        )
    call.out.write(f"The service {name} runs; its log is {folder.log}\n")
    return 0


COMMAND = Command(
    "service start",
    run,
    options=services.SHARED,
    description="Starts a service that was installed and waits until its agent has read its settings.",
    example="bkagent service start",
)
