"""What the commands about services share: whether there are services, which one is meant, and waiting for its state."""

from __future__ import annotations

import time

from bkagent.cli.command import Call
from bkagent.cli.service.sentences import explained
from bkagent.cli.service.service_folder import ServiceFolder
from bkagent.config.options import services
from bkagent.errors import AgentError
from bkagent.system.service import service_manager
from bkagent.system.service.service_types import ServiceState

PROCESS_COMMAND = "service-process"
_LOOK_EVERY_S = 0.2
_SLACK_S = 30.0  # beyond what the service has announced; Windows itself waits as long for a first sign of life


def open_folder(call: Call) -> ServiceFolder:
    """Return the folder of the service that is meant. Raises AgentError where there are none, or for its name."""
    if not service_manager.AVAILABLE:
        raise AgentError(
            f'"{call.command.name}" works on Windows only in this release; here, have the service manager of the '
            "system (systemd, launchd, rc.d) run: bkagent start"
        )
    return ServiceFolder(call.settings[services.NAME], call.environ)


def query(name: str) -> ServiceState:
    """Return the state of a service. Raises AgentError where there is none, or it is another program's."""
    with explained(name):
        service = service_manager.query(name)
    if f" {PROCESS_COMMAND} " not in service.command_line:
        raise AgentError(f"the service {name} is not one of bkagent: it runs {service.command_line}")
    return service


def wait_while(name: str, state: str) -> ServiceState:
    """Wait while the service is in `state` and says that it is at work; return what it is then.

    Raises AgentError when it says nothing any longer.
    """
    checkpoint, deadline = -1, 0.0
    while True:
        service = query(name)
        if service.state != state:
            return service
        if service.checkpoint != checkpoint:
            checkpoint = service.checkpoint
            deadline = time.monotonic() + service.wait_hint_s + _SLACK_S
        if time.monotonic() > deadline:
            raise AgentError(f"the service {name} is {state} and no longer says that it is at work")
        time.sleep(_LOOK_EVERY_S)
