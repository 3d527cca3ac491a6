"""Print secrets only when the job's log will not show them. On the short path."""

from bkagent.errors import AgentError
from bkagent.remote.job_api import JobApi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable

    from bkagent.cli.command import Call

_CANNOT = (
    "automatic {kind} redaction requires the Job API, but the Job API client could not be created (error: {error}). "
    "The command failed instead of outputting {what} because {it} could leak in logs without redaction. To output "
    "{what} anyway, explicitly opt out of redaction with --skip-redaction or {variable}=true"
)


def redact(call: "Call", values: "Iterable[str]", kind: str, what: str, variable: str) -> None:
    """Have the job's process keep `values` out of what the job prints from now on.

    Raises AgentError where that is not possible; the caller prints nothing then.
    """
    try:
        api = JobApi(call.environ)
        for value in values:
            if value:
                api.request("POST", "/redactions", {"redact": value})
    except AgentError as error:
        it = "it" if what == "the token" else "they"
        raise AgentError(_CANNOT.format(kind=kind, error=error, what=what, it=it, variable=variable)) from error
