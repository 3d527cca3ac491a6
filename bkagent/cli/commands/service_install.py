"""`bkagent service install`: have Windows run the agent."""

from bkagent.cli.command import Call, Command
from bkagent.config.options import services

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.config.secret import Secret


def run(call: Call) -> int:
    """Install the service; return 0."""
    from bkagent.cli.service import accounts, installation, requests
    from bkagent.cli.service.sentences import explained
    from bkagent.errors import MissingValue
    from bkagent.system.service import event_log, service_manager
    from bkagent.system.service.service_types import ServiceError

    folder = requests.open_folder(call)
    name = call.settings[services.NAME]
    if not call.settings[services.RUN_AS]:
        raise MissingValue(f"run-as, the account of the service, such as NT SERVICE\\{name}")
    account = accounts.parse(call.settings[services.RUN_AS], name)
    if account.is_system:
        call.report("warn", f"jobs can change everything on this machine, since {name} runs as {account.account}")
    with explained(name):
        service_manager.check_installable(name)  # before secrets are asked for
        plan = installation.Installation(call, folder, account)
        password = _ask(call, f"Password of {account.account}: ") if account.needs_password else ""
        token = _token(call) if plan.stores_token else None
        service_manager.install(plan.definition(password))
    try:
        with explained(name):
            plan.make_folders()
            if token is not None:
                plan.write_token(token)
            event_log.register(name)
    except BaseException:
        try:
            service_manager.remove(name)
        except ServiceError:
            pass
        raise
    call.out.write(
        f"Installed the service {name}, which runs as {account.account} and starts with Windows.\n"
        f"Its token, log and state are in {folder.root}\n"
        f"Start it now with: bkagent service start{_name_flag(name)}\n"
    )
    if not account.sid:
        call.out.write(
            f'{account.account} needs the right "Log on as a service": secpol.msc, Local Policies, '
            "User Rights Assignment.\n"
        )
    return 0


def _name_flag(name: str) -> str:
    return "" if name == services.NAME.default else f" --name {name}"


def _token(call: Call) -> "Secret":
    from bkagent.cli.service.installation import read_token
    from bkagent.config.secret import Secret

    given = call.settings[services.TOKEN]
    return read_token(given if given else Secret(_ask(call, "Agent registration token: ")))


def _ask(call: Call, prompt: str) -> str:
    """Return a line of standard input; a console does not show it. Raises ConfigError without one."""
    from bkagent.errors import ConfigError

    if call.stdin.isatty():
        import getpass

        text = getpass.getpass(prompt)
    else:
        text = call.stdin.readline().rstrip("\r\n")
    if not text:
        raise ConfigError(f"standard input has no line for: {prompt.rstrip(': ')}")
    return text


COMMAND = Command(
    "service install",
    run,
    options=services.INSTALL,
    arguments=("[-- START-OPTION]...",),
    description=r"""Adds a service of Windows that runs `bkagent start` with the configuration file and with the options
behind "--". It starts with the machine, and again after failures. Run this as an administrator, with the Python
that the service shall use.

--run-as is required. NT SERVICE\bkagent is an account that Windows makes for this service alone: it has few rights and
no password. DOMAIN\NAME$ is a managed service account, whose password Windows knows. For DOMAIN\USER and .\USER the
password is asked for, or read from standard input. All three need the right "Log on as a service".

The token is read from --token, BUILDKITE_AGENT_TOKEN, the configuration file or standard input (its line after the
password's). Unless it stays in the configuration file, it is kept in a file that only administrators and the account
of the service can read.""",
    example=r'bkagent service install --run-as "NT SERVICE\bkagent" --config C:\bkagent\bkagent.cfg',
)
