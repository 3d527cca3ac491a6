"""What commands inside a job share: their client, and their words for what is missing. On the short path."""

from bkagent.cli import job_text
from bkagent.config.options import api
from bkagent.config.options.logging import SHARED
from bkagent.errors import MissingValue, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call
    from bkagent.remote.in_job import InJobClient

# The rows that every command with a client has.
OPTIONS = (*SHARED, *api.IN_JOB)

REDACTED = (
    "{what} contained one or more secrets from environment variables that have been redacted. If this is deliberate, "
    "pass --redacted-vars='' or a list of patterns that does not match the variable containing the secret"
)


def client(call: "Call") -> "InJobClient":
    """Return the control plane as this command reaches it. Loaded here: a help page does without."""
    from bkagent.remote import in_job

    settings = call.settings
    debug = call.report if settings[api.DEBUG_HTTP] or settings[api.TRACE_HTTP] else None
    return in_job.connect(settings[api.ENDPOINT], settings[api.ACCESS_TOKEN].reveal(), call.environ, debug)


def argument(call: "Call", at: int, label: str) -> str:
    """Return an argument that must be there and not be empty. Raises MissingValue."""
    if len(call.arguments) <= at or not call.arguments[at]:
        raise MissingValue(label)
    return call.arguments[at]


def value(call: "Call", at: int) -> str:
    """Return an argument, or what standard input says where there is none; that one is not cut in any way."""
    if len(call.arguments) > at:
        return job_text.sendable(call.arguments[at])
    call.report("info", "Reading value from STDIN")
    return job_text.read_stdin(call)


def scrubbed(call: "Call", text: str, patterns: "list[str]", what: str) -> str:
    """Return `text` without the values of secret variables; says so when there were some.

    Raises UsageError for patterns that do not parse: what might be secret is not sent.
    """
    if not patterns:
        return text
    from bkagent.redaction.variables import scrub, values_of

    found = values_of(call.environ, patterns)
    if found.bad_patterns:
        raise UsageError(f"redacted-vars has patterns that do not parse: {', '.join(found.bad_patterns)}")
    clean = scrub(text, {name: call.environ[name] for name in found.names}, patterns)
    if clean != text:
        call.report("warn", REDACTED.format(what=what))
    return clean
