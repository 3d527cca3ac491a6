"""Passwords for the provider that hosts a job's repository. On the short path."""

from bkagent.errors import WireError
from bkagent.remote.escaping import segment
from bkagent.transport.retry import constant, retry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from bkagent.remote.api_client import ApiClient
    from bkagent.report import Report

    Wait = Callable[[float], bool]

SCHEDULE = constant(3, 5.0)


def get(client: "ApiClient", job_id: str, repository: str, *, wait: "Wait", report: "Report") -> str:
    """Return a password for the repository at this https URL."""
    path, document = f"jobs/{segment(job_id)}/repository_access_token", {"repo_url": repository}

    def attempt(number: int) -> object:
        return client.call("POST", path, document=document, expects_json=True).document

    answer = retry(attempt, SCHEDULE, wait=wait, report=report)
    # Not tried again, since the control plane has answered: git waits for the password.
    if answer is not None and not isinstance(answer, dict):
        raise WireError("repository token answer: it must be an object")
    token = answer.get("token") if answer else None
    if token is None or token == "":
        raise WireError("repository token answer: the token is empty, so there is no password for this repository")
    if not isinstance(token, str) or "\n" in token or "\r" in token:
        raise WireError("repository token answer: token must be a string of one line")
    return token
