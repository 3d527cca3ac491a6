"""`bkagent git-credentials-helper ACTION`: git asks it for the password of the job's repository."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import job_text
from bkagent.cli.in_job.client import request_log
from bkagent.config.options import api
from bkagent.config.options.git_credentials import JOB_ID
from bkagent.config.options.logging import SHARED
from bkagent.errors import AgentError, ConfigError
from bkagent.remote import escaping
from bkagent.remote.commands import in_job, repository_tokens
from bkagent.transport.retry import sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict

    from bkagent.cli.command import Call

# The answer without a password: git fails at once instead of asking a person.
NO_PASSWORD = "username=fail\npassword=fail\n\n"


def run(call: "Call") -> int:
    """Answer git's request; actions other than get are ignored."""
    action = call.arguments[0] if call.arguments else ""
    call.report("debug", f"Action: {action}")
    if action != "get":
        return 0
    try:
        token = _token(call)
    except AgentError as error:
        call.report("error", f"No password for git: {error}")
        job_text.write(call, NO_PASSWORD)
        return 1
    call.report("debug", "Authentication successful!")
    job_text.write(call, f"username=token\npassword={token}\n\n")
    return 0


def _token(call: "Call") -> str:
    settings = call.settings
    try:
        url = _url(job_text.read_stdin(call))
    except ConfigError as error:
        raise AgentError(f"git's question has no URL: {error}") from error
    call.report("debug", "Requesting repository credentials from Buildkite")
    token = settings[api.ACCESS_TOKEN].reveal()
    client = in_job.connect(settings[api.ENDPOINT], token, call.environ, request_log(call))
    try:
        return repository_tokens.get(client, settings[JOB_ID], url, wait=sleep, report=call.report)
    except AgentError as error:
        raise AgentError(f"the control plane refused: {error}") from error


def _url(question: str) -> str:
    """Return the https URL that git asks about. Raises ConfigError."""
    fields: "Dict[str, str]" = {}
    for line in question.split("\n"):
        name, _, value = line.partition("=")
        fields[name] = value[:-1] if value.endswith("\r") else value
    for name in ("protocol", "host", "path"):
        if not fields.get(name):
            raise ConfigError(f"{name} is missing")
    if fields["protocol"] != "https":
        raise ConfigError(f'the protocol must be https, not "{fields["protocol"]}"')
    return escaping.https(fields["host"], fields["path"])


COMMAND = Command(
    "git-credentials-helper",
    run,
    options=(*SHARED, JOB_ID, api.ACCESS_TOKEN, api.ENDPOINT, api.NO_HTTP2),
    arguments=("[ACTION]",),
    description=(
        "Git runs this if the job's control plane gives out passwords for the repository's provider. It reads\n"
        "git's request from standard input and prints the answer."
    ),
    example="git -c credential.helper='!bkagent git-credentials-helper' fetch",
)
