"""What commands inside a job share: their client and their arguments. On the short path."""

from bkagent.cli.in_job import job_text
from bkagent.config.options import api
from bkagent.config.options.job import REDACTED_VARS
from bkagent.config.options.logging import SHARED
from bkagent.config.settings import Source, resolve
from bkagent.errors import MissingValue, UsageError
from bkagent.wire import upstream_protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Optional

    from bkagent.cli.command import Call
    from bkagent.redaction.variables import SecretValues
    from bkagent.remote.commands.in_job import InJobClient
    from bkagent.transport.client.request_log import RequestLog

# The rows that every command with a client has.
OPTIONS = (*SHARED, *api.IN_JOB)

REDACTED = (
    "{what} contained one or more secrets from environment variables that have been redacted. If this is deliberate, "
    "pass --redacted-vars='' or a list of patterns that does not match the variable containing the secret"
)
REDACTED_NAME = (
    "A name that this command sends (a key, a context, a path) contained one or more secrets from environment "
    "variables that have been redacted"
)


def client(call: "Call") -> "InJobClient":
    """Return the client of the control plane. Imported here, as a help page does not need it."""
    from bkagent.remote.commands import in_job

    settings = call.settings
    token = settings[api.ACCESS_TOKEN].reveal()
    scrub = lambda text: _scrub_name(call, text)  # noqa: E731
    return in_job.connect(
        settings[api.ENDPOINT], token, call.environ, request_log(call), scrub, settings.is_set(api.ENDPOINT)
    )


def request_log(call: "Call") -> "Optional[RequestLog]":
    """Return the log of the command's requests, None if debug messages are not shown."""
    if not call.report.is_debug:
        return None
    from bkagent.transport.client.request_log import RequestLog

    return RequestLog(call.report, api.DEBUG_HTTP in call.settings and call.settings[api.DEBUG_HTTP])


def argument(call: "Call", at: int, label: str) -> str:
    """Return a required, non-empty argument. Raises MissingValue."""
    if len(call.arguments) <= at or not call.arguments[at]:
        raise MissingValue(label)
    return call.arguments[at]


def value(call: "Call", at: int, what: str = "value") -> str:
    """Return an argument, or all of standard input, untrimmed, if the argument is missing. Messages call it `what`."""
    if len(call.arguments) > at:
        return job_text.sendable(call.arguments[at])
    call.report("info", f"Reading {what} from STDIN")
    return job_text.read_stdin(call)


def scrub(call: "Call", text: str, what: str) -> str:
    """Return `text` without the values of secret variables, with a warning if there were any.

    Raises UsageError for invalid patterns: nothing that might be secret is sent.
    """
    clean = _secrets(call).scrub(text)
    if clean != text:
        call.report("warn", REDACTED.format(what=what))
    return clean


def _scrub_name(call: "Call", text: str) -> str:
    """Return a name of a request (key, context, path) redacted in the same way, with a single warning."""
    clean = _secrets(call).scrub(text)
    if clean != text and not call.told_of_secrets:
        call.told_of_secrets = True
        call.report("warn", REDACTED_NAME)
    return clean


def scrub_names(call: "Call", texts: "List[str]") -> "List[str]":
    """Return names redacted also by the job's process, for requests that do not go through its socket."""
    from bkagent.redaction import outbound

    clean = texts
    if not outbound.are_clean(texts, lambda text: _scrub_name(call, text)):
        clean = [_scrub_name(call, text) for text in texts]
    if not call.environ.get(upstream_protocol.SOCKET_VARIABLE):
        return clean
    from bkagent.remote.commands.job_api import JobApi, NotServed

    try:
        return JobApi(call.environ).redacted(clean)
    except NotServed as problem:
        call.report(
            "debug",
            f"Could not ask the job's process for its secrets; names are redacted by variables alone: {problem}",
        )
        return clean


def _secrets(call: "Call") -> "SecretValues":
    if call.secrets is None:
        from bkagent.redaction.variables import SecretValues

        # Commands that only read go by the variable alone, so that they name things as those do that write.
        settings = call.settings
        if REDACTED_VARS not in settings:
            settings = resolve((REDACTED_VARS,), Source({}, call.environ), lambda sentence: None)
        call.secrets = SecretValues(call.environ, settings[REDACTED_VARS])
    if call.secrets.bad_patterns:
        raise UsageError(f"redacted-vars has invalid patterns: {', '.join(call.secrets.bad_patterns)}")
    return call.secrets
