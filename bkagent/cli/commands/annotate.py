"""`bkagent annotate [BODY]`: put a note on the build's page."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import client, job_text
from bkagent.config.options import annotations as options
from bkagent.config.options.job import JOB, REDACTED_VARS
from bkagent.errors import AgentError
from bkagent.remote.commands import annotations
from bkagent.transport.retry import sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call

BODY_LIMIT_BYTES = 1024 * 1024


def run(call: "Call") -> int:
    """Send the annotation."""
    settings = call.settings
    body = client.scrub(call, _body(call), "Annotation body")
    size = len(body.encode("utf-8"))
    if size > BODY_LIMIT_BYTES:
        raise AgentError(f"annotation body size ({size}B) exceeds maximum ({BODY_LIMIT_BYTES}B)")
    annotation = annotations.NewAnnotation(
        body, context=job_text.sendable(settings[options.CONTEXT]), style=job_text.sendable(settings[options.STYLE]),
        append=settings[options.APPEND], priority=settings[options.PRIORITY],
        scope=job_text.sendable(settings[options.SCOPE]),
    )  # fmt: skip
    try:
        annotations.create(client.client(call), settings[JOB], annotation, wait=sleep, report=call.report)
    except AgentError as error:
        raise AgentError(f"failed to annotate build: {error}") from error
    call.report("debug", "Successfully annotated build")
    return 0


def _body(call: "Call") -> str:
    if call.arguments and call.arguments[0]:
        return job_text.sendable(call.arguments[0])
    if not job_text.stdin_has_text(call):
        return ""
    call.report("info", "Reading annotation body from STDIN")
    return job_text.read_stdin(call)


COMMAND = Command(
    "annotate",
    run,
    options=(
        *client.OPTIONS, options.CONTEXT, options.STYLE, options.APPEND, options.PRIORITY, JOB, options.SCOPE,
        REDACTED_VARS,
    ),
    arguments=("[BODY]",),
    description=(
        "Puts an annotation in Markdown on the page of the running build, or updates the one of the same context.\n"
        "Without an argument the body is read from standard input, if that is a pipe or a file."
    ),
    example="bkagent annotate 'All tests passed' --style success --context tests",
)  # fmt: skip
