"""Updates of a job by its own commands. On the short path."""

from bkagent.remote.escaping import segment
from bkagent.transport.retry import retry, subsecond

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict

    from bkagent.remote.api_client import ApiClient
    from bkagent.report import Report

    Wait = Callable[[float], bool]

SCHEDULE = subsecond(10, 2.0)


def update(client: "ApiClient", job_id: str, attribute: str, value: str, *, wait: "Wait", report: "Report") -> None:
    """Change an attribute of a job, such as timeout_in_minutes; the value goes as text."""
    path, document = f"jobs/{segment(job_id)}", {attribute: value}
    retry(
        lambda number: client.call("PUT", path, document=document, expects_json=True),
        SCHEDULE, wait=wait, report=report,
    )  # fmt: skip


def promise_failure(
    client: "ApiClient", job_id: str, exit_status: int, reason: str, *, wait: "Wait", report: "Report"
) -> None:
    """Promise that the job will fail with `exit_status`, which is above 0.

    Raises Refused with 409 if a different status was already promised, and with 422 if the job is no longer running.
    """
    document: "Dict[str, Any]" = {"exit_status": exit_status}
    if reason:
        document["reason"] = reason
    path = f"jobs/{segment(job_id)}/promise_failure"
    retry(lambda number: client.call("PUT", path, document=document), SCHEDULE, wait=wait, report=report)
