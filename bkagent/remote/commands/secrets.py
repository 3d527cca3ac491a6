"""Secrets of a cluster, as a job may read them. On the short path."""

from bkagent.errors import WireError
from bkagent.remote.escaping import segment
from bkagent.transport.retry import exponential, retry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from bkagent.remote.api_client import ApiClient
    from bkagent.report import Report
    from bkagent.transport.retry import Schedule

    Wait = Callable[[float], bool]

GET = exponential(3, 2.0, jitter=(-1.0, 5.0))


def get(
    client: "ApiClient", job_id: str, key: str, *, wait: "Wait", report: "Report", schedule: "Schedule" = GET
) -> str:
    """Return the value of a secret. Raises Refused for one that does not exist or that the job may not read."""

    def attempt(number: int) -> str:
        path = f"jobs/{segment(job_id)}/secrets"
        document = client.call("GET", path, query={"key": key}, expects_json=True).document
        value = document.get("value") if isinstance(document, dict) else None
        if not isinstance(value, str):
            raise WireError("secret answer: value must be a string")
        return value

    return retry(attempt, schedule, wait=wait, report=report)
