"""`bkagent service status`: print what a service does."""

from bkagent.cli.command import Call, Command
from bkagent.config.options import services

_NOT_RUNNING = 3  # of init scripts, by the Linux Standard Base, and of systemctl

_NEVER_STARTED = 1077  # ERROR_SERVICE_NEVER_STARTED


def run(call: Call) -> int:
    """Print a line for each fact; return 0 if the service runs."""
    from bkagent.cli.service import requests

    folder = requests.open_folder(call)
    name = call.settings[services.NAME]
    service = requests.query(name)
    state = f"{service.state} (process {service.process_id})" if service.process_id else service.state
    if service.state == "stopped" and service.exit_code == _NEVER_STARTED:
        state += " (not started since Windows was)"
    elif service.state == "stopped" and service.exit_code:
        state += f" (exit code {service.exit_code})"
    facts = (
        ("service", name), ("state", state), ("account", service.account), ("command", service.command_line),
        ("log", folder.log), ("state folder", folder.state),
    )  # fmt: skip
    call.out.write("".join(f"{fact + ':':<14}{text}\n" for fact, text in facts))
    return 0 if service.state in ("running", "starting") else _NOT_RUNNING


COMMAND = Command(
    "service status",
    run,
    options=services.SHARED,
    description="Exits with 0 if the service runs, with 3 if it is installed and does not run, and with 1 otherwise.",
    example="bkagent service status",
)
