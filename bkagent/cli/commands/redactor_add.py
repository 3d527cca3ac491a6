"""`bkagent redactor add [FILE]`: keep a text out of what the running job prints from now on."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import choices, client, job_text
from bkagent.config.options.redactor import APPLY_VARS_FILTER, FORMAT, REDACTED_NAMES
from bkagent.errors import AgentError
from bkagent.remote.commands.job_api import JobApi
from bkagent.wire import go_decoding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable

    from bkagent.cli.command import Call

INPUT_LIMIT_BYTES = 16 * 1024 * 1024


def run(call: "Call") -> int:
    """Hand the secrets to the job's process; prints nothing."""
    choices.check(call, FORMAT)
    path = call.arguments[0] if call.arguments and call.arguments[0] != "-" else ""
    call.report("info", f"Reading secrets from {path or '(stdin)'} for redaction")
    try:
        api = JobApi(call.environ)
    except AgentError as error:
        raise AgentError(f"failed to create Job API client: {error}") from error
    for secret in _secrets(call, _read(path) if path else job_text.read_stdin(call)):
        if not secret:
            continue
        try:
            api.request("POST", "/redactions", {"redact": secret})
        except AgentError as error:
            raise AgentError(f"failed to add secrets to the redactor: {error}") from error
    return 0


def _read(path: str) -> str:
    try:
        with open(path, "rb") as file:
            data = file.read(INPUT_LIMIT_BYTES + 1)
    except OSError as error:
        raise AgentError(f"failed to read secrets from {path}: {error.strerror or error}") from error
    if len(data) > INPUT_LIMIT_BYTES:
        raise AgentError(f"failed to read secrets from {path}: it has more than {INPUT_LIMIT_BYTES} bytes")
    return data.decode("utf-8", "replace")


def _secrets(call: "Call", text: str) -> "Iterable[str]":
    """Return the secrets in `text`. Errors do not quote it: it is secret."""
    if call.settings[FORMAT] == "none":
        return [text.strip()]
    try:
        document = go_decoding.loads(text)
    except ValueError:
        raise AgentError("failed to parse secrets: the input is not valid JSON") from None
    if not isinstance(document, dict) or not all(isinstance(value, str) for value in document.values()):
        raise AgentError("failed to parse secrets: the input must be a JSON object whose values are strings")
    if not call.settings[APPLY_VARS_FILTER]:
        return document.values()
    from bkagent.redaction.variables import values_of

    return values_of(document, call.settings[REDACTED_NAMES]).values


COMMAND = Command(
    "redactor add",
    run,
    options=(*client.OPTIONS, FORMAT, APPLY_VARS_FILTER, REDACTED_NAMES),
    arguments=("[FILE]",),
    description=(
        "Reads a secret from FILE or standard input; the job's output shows [REDACTED] in its place from now on."
    ),
    example="bkagent redactor add < api-key.txt",
)
