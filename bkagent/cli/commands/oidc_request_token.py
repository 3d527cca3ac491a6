"""`bkagent oidc request-token`: print a token that proves to others which job this is."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import choices, client, job_text, redact_before_print
from bkagent.config.compat import COMPAT, Compat
from bkagent.config.options import oidc as options
from bkagent.config.options.job import JOB
from bkagent.errors import AgentError, Refused, TokenRefused, UsageError
from bkagent.remote.commands import oidc
from bkagent.transport.retry import sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call

TOKEN_TYPE = "urn:ietf:params:oauth:token-type:jwt"


def run(call: "Call") -> int:
    """Ask for the token, keep it out of the job's log, print it."""
    settings = call.settings
    if settings[options.LIFETIME] < 0:
        raise UsageError(settings.invalid_value(options.LIFETIME, "0 or more", settings[options.LIFETIME]))
    form = settings[options.FORMAT]
    choices.check(call, options.FORMAT)
    token = _token(call)
    if not settings[options.SKIP_REDACTION]:
        redact_before_print.redact(call, [token], "the token", options.SKIP_REDACTION.env[0])
    job_text.write(call, (token if form == "jwt" else _google_document(token)) + "\n")
    return 0


def _token(call: "Call") -> str:
    settings = call.settings
    request = oidc.OidcTokenRequest(
        audience=job_text.sendable(settings[options.AUDIENCE]), lifetime=settings[options.LIFETIME],
        claims=settings[options.CLAIM], aws_session_tags=settings[options.AWS_SESSION_TAG],
        subject_claim=settings[options.SUBJECT_CLAIM],
    )  # fmt: skip
    try:
        return oidc.token(client.client(call), settings[JOB], request, wait=sleep, report=call.report)
    except AgentError as problem:
        audience = f"audience {request.audience}" if request.audience else "default audience"
        call.report("error", f"Could not obtain OIDC token for {audience}")
        if isinstance(problem, Refused) and Compat(settings[COMPAT]).refusal_is_77:
            raise TokenRefused(str(problem), problem.status) from problem
        raise


def _google_document(token: str) -> str:
    from bkagent.wire import json_text

    document = {"id_token": token, "token_type": TOKEN_TYPE, "version": 1, "success": True}
    text = json_text.dumps(document)
    for letter in "<>&":  # as the reference has it, so that a page can hold it
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


COMMAND = Command(
    "oidc request-token",
    run,
    options=(
        *client.OPTIONS, options.AUDIENCE, options.LIFETIME, JOB, options.SUBJECT_CLAIM, options.CLAIM,
        options.AWS_SESSION_TAG, options.SKIP_REDACTION, options.FORMAT, COMPAT,
    ),
    description=(
        "Prints an OpenID Connect token of the running job, signed by the control plane.\n"
        "The token is redacted in the job's log."
    ),
    example="bkagent oidc request-token --audience sts.amazonaws.com --lifetime 300",
)  # fmt: skip
