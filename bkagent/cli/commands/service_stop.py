"""`bkagent service stop`: stop a service."""

from bkagent.cli.command import Call, Command
from bkagent.config.options import services


def run(call: Call) -> int:
    """Ask it to stop and wait until it has; return 0."""
    from bkagent.cli.service import requests
    from bkagent.cli.service.sentences import explained
    from bkagent.errors import AgentError
    from bkagent.system.service import service_manager

    requests.open_folder(call)
    name = call.settings[services.NAME]
    requests.query(name)
    with explained(name):
        service_manager.ask_to_stop(name)
    call.report("info", f"waiting until the running jobs of the service {name} have ended")
    service = requests.wait_while(name, "running")  # until it has heard of it
    if service.state == "stopping":
        service = requests.wait_while(name, "stopping")
    if service.state != "stopped":
        raise AgentError(f"the service {name} was asked to stop and is {service.state}")
    call.out.write(f"The service {name} has stopped.\n")
    return 0


COMMAND = Command(
    "service stop",
    run,
    options=services.SHARED,
    description="""The agent takes no further job and ends when its running jobs have ended. Jobs that still run after
the --drain-timeout that the service was installed with are cancelled. Ends when the service has stopped.""",
    example="bkagent service stop",
)
