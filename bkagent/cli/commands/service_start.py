"""`bkagent service start`: start a service."""

from bkagent.cli.command import Call, Command
from bkagent.config.options import services


def run(call: Call) -> int:
    """Start it and wait until the agent is registered, or tries to be; return 0."""
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
        raise AgentError(f"the service {name} has ended with exit code {service.exit_code}: {_reason(folder.log)}")
    call.out.write(f"The service {name} runs; its log is {folder.log}\n")
    return 0


def _reason(log_path: str) -> str:
    """Return the last line of the log, which is that of the error, or where to look for it."""
    from bkagent.cli.service import log_view

    try:
        lines, _ = log_view.last_lines(log_path, 1)
    except OSError:
        lines = []
    return lines[0].decode("utf-8", "replace").strip() if lines else f"the event log may say why, or {log_path}"


COMMAND = Command(
    "service start",
    run,
    options=services.SHARED,
    description="Starts a service that was installed and waits until its agent is registered, for 10 seconds at most.",
    example="bkagent service start",
)
