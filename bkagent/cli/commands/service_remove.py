"""`bkagent service remove`: remove a service."""

from bkagent.cli.command import Call, Command
from bkagent.config.options import services


def run(call: Call) -> int:
    """Remove it and its token; return 0."""
    import os

    from bkagent.cli.service import requests
    from bkagent.cli.service.sentences import explained
    from bkagent.errors import AgentError
    from bkagent.system.service import event_log, service_manager

    folder = requests.open_folder(call)
    name = call.settings[services.NAME]
    service = requests.query(name)
    if service.state != "stopped":
        raise AgentError(f"the service {name} is {service.state}; stop it first: bkagent service stop")
    with explained(name):
        service_manager.remove(name)
    event_log.unregister(name)
    try:
        os.unlink(folder.token)
    except FileNotFoundError:
        pass
    call.out.write(f"Removed the service {name} and its token; its logs, builds and state are still in {folder.root}\n")
    return 0


COMMAND = Command(
    "service remove",
    run,
    options=services.SHARED,
    description="""Removes a service that has stopped, and its token. Its logs, its builds and its state, with jobs
that are not delivered yet, stay; a service that is installed under the same name goes on with them.""",
    example="bkagent service remove",
)
