"""Redact secrets in the job's log before they are printed. On the short path."""

from bkagent.errors import AgentError
from bkagent.remote.commands.job_api import JobApi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable

    from bkagent.cli.command import Call

_CANNOT = (
    "{what} cannot be kept out of the job's log, so nothing is printed: {error}. "
    "Use --skip-redaction or {variable}=true to print anyway"
)


def redact(call: "Call", values: "Iterable[str]", what: str, variable: str) -> None:
    """Have the job's process redact `values` in its log from now on.

    Raises AgentError where that is not possible; the caller prints nothing then.
    """
    try:
        api = JobApi(call.environ)
        for value in values:
            if value:
                api.request("POST", "/redactions", {"redact": value})
    except AgentError as error:
        raise AgentError(_CANNOT.format(what=what, error=error, variable=variable)) from error
