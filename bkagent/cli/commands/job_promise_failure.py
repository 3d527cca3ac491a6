"""`bkagent job promise-failure EXIT_STATUS`: say early that the job is going to fail."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import client, job_text
from bkagent.config.options.job import JOB, REDACTED_VARS
from bkagent.config.options.promises import REASON
from bkagent.errors import AgentError, Refused, Unreachable, UsageError
from bkagent.remote.commands import job_updates
from bkagent.remote.commands.job_api import JobApi, NotServed
from bkagent.transport.retry import sleep
from bkagent.wire.digits import is_whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call

JOB_VARIABLE = JOB.env[0]
_REFUSALS = {
    409: "a different exit status was already promised for this job",
    422: "the job is no longer running",
}
_FAILED = "could not promise the failure"


def run(call: "Call") -> int:
    """Tell the job's process, which tells the control plane once; without it, tell the control plane."""
    exit_status = _exit_status(client.argument(call, 0, "exit status"))
    job = call.environ.get(JOB_VARIABLE, "")
    if not job:
        raise AgentError(f"{JOB_VARIABLE} must name the job, but is not set")
    what = f'The promise-failure reason for job "{job}"'
    reason = client.scrub(call, job_text.sendable(call.settings[REASON]), what)
    if _promise_through_job(call, job, exit_status, reason):
        return 0
    try:
        job_updates.promise_failure(client.client(call), job, exit_status, reason, wait=sleep, report=call.report)
    except AgentError as error:
        refused = _REFUSALS.get(error.status) if isinstance(error, Refused) else None
        raise AgentError(f"{refused or _FAILED}: {error}") from error
    call.report("info", f"Declared promised exit status {exit_status} for job {job}")
    return 0


def _promise_through_job(call: "Call", job: str, exit_status: int, reason: str) -> bool:
    """Return whether the job's process accepted the promise; False if it is missing or too old."""
    document = {"exit_status": exit_status, "reason": reason} if reason else {"exit_status": exit_status}
    try:
        answer = JobApi(call.environ).request("POST", "/promise-failure", document)
    except (NotServed, Unreachable) as problem:
        call.report(
            "debug", f"The job's process accepts no promise, so it is sent to the control plane directly: {problem}"
        )
        return False  # where it was heard in spite of that, a second promise of the same status does no harm
    except AgentError as error:
        raise AgentError(f"{_FAILED}: {error}") from error
    if answer.get("accepted") is not True:
        words = _REFUSALS.get(answer.get("upstream_status", 0), _FAILED)
        raise AgentError(f"{words}: {answer.get('error', 'the job gives no reason')}")
    if answer.get("outcome") == "declared":
        call.report("info", f"Declared promised exit status {exit_status} for job {job}")
    else:
        call.report("debug", f"Promised exit status {exit_status} already declared for job {job} (debounced)")
    return True


def _exit_status(text: str) -> int:
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not is_whole(digits):
        raise UsageError(f'exit status must be an integer, not "{text}"')
    if int(text) <= 0:
        raise UsageError(f"exit status must be a positive integer, not {text}: only a failure can be promised")
    return int(text)


COMMAND = Command(
    "job promise-failure",
    run,
    options=(*client.OPTIONS, REASON, REDACTED_VARS),
    arguments=("EXIT_STATUS",),
    description=(
        "Tells the control plane that the job will fail with this exit status, so that other steps need not wait\n"
        "for its end. The first promise counts."
    ),
    example="bkagent job promise-failure 2 --reason 'A test has failed'",
)
