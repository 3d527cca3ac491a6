"""Requests to the agent that runs this job: pause, resume, stop. On the short path.

The agent gets them from the control plane, at its next ping.
"""

from bkagent.transport.retry import constant, retry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict

    from bkagent.remote.api_client import ApiClient
    from bkagent.report import Report

    Wait = Callable[[float], bool]

SCHEDULE = constant(5, 1.0, jitter=(0.0, 1.0))


def stop(client: "ApiClient", *, force: bool, wait: "Wait", report: "Report") -> None:
    """Stop the agent, after its job or, with `force`, at once."""
    _ask(client, "stop", {"force": True} if force else {}, wait, report)


def pause(client: "ApiClient", *, note: str = "", timeout_minutes: int = 0, wait: "Wait", report: "Report") -> None:
    """Pause the agent; 0 minutes leaves the duration to the control plane."""
    document: "Dict[str, Any]" = {}
    if note:
        document["note"] = note
    if timeout_minutes:
        document["timeout_in_minutes"] = timeout_minutes
    _ask(client, "pause", document, wait, report)


def resume(client: "ApiClient", *, wait: "Wait", report: "Report") -> None:
    """End a pause."""
    _ask(client, "resume", None, wait, report)


def _ask(client: "ApiClient", path: str, document: object, wait: "Wait", report: "Report") -> None:
    retry(lambda number: client.call("POST", path, document=document), SCHEDULE, wait=wait, report=report)
