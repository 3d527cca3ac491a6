"""A build's keys and values. On the short path.

`scope` is "jobs" with a job's id or "builds" with a build's.
"""

from bkagent.errors import Refused, WireError
from bkagent.remote.escaping import segment
from bkagent.transport.retry import constant, retry, subsecond

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Sequence, Tuple

    from bkagent.remote.api_client import ApiClient
    from bkagent.report import Report

    Wait = Callable[[float], bool]

READ = constant(10, 5.0)
WRITE = subsecond(10, 2.0)


def get(client: "ApiClient", key: str, *, scope: str, id: str, wait: "Wait", report: "Report") -> str:
    """Return a key's value. Raises Refused with status 404 for an unknown key or job."""
    document = _ask(client, f"{scope}/{segment(id)}/data/get", {"key": key}, wait, report)
    value = document.get("value") if isinstance(document, dict) else None
    if not isinstance(value, str):
        raise WireError("meta-data answer: value must be a string")
    return value


def exists(client: "ApiClient", key: str, *, scope: str, id: str, wait: "Wait", report: "Report") -> bool:
    """Return whether a key has a value."""
    document = _ask(client, f"{scope}/{segment(id)}/data/exists", {"key": key}, wait, report)
    answer = document.get("exists") if isinstance(document, dict) else None
    if not isinstance(answer, bool):
        raise WireError("meta-data answer: exists must be true or false")
    return answer


def keys(client: "ApiClient", *, scope: str, id: str, wait: "Wait", report: "Report") -> "List[str]":
    """Return every key, in the server's order."""
    document = _ask(client, f"{scope}/{segment(id)}/data/keys", None, wait, report)
    if not isinstance(document, list) or not all(isinstance(key, str) for key in document):
        raise WireError("meta-data answer: expected an array of strings")
    return document


def set(client: "ApiClient", job_id: str, key: str, value: str, *, wait: "Wait", report: "Report") -> None:
    """Set a key's value; the last writer wins."""
    document = {"key": key, "value": value}
    path = f"jobs/{segment(job_id)}/data/set"
    retry(lambda number: client.call("POST", path, document=document), WRITE, wait=wait, report=report)


def set_batch(
    client: "ApiClient", job_id: str, items: "Sequence[Tuple[str, str]]", *, wait: "Wait", report: "Report"
) -> None:
    """Set several keys, all or none. Only 401 and 404 are final here."""
    document: "Dict[str, Any]" = {"items": [{"key": key, "value": value} for key, value in items]}
    path = f"jobs/{segment(job_id)}/data/set-batch"
    retry(
        lambda number: client.call("POST", path, document=document),
        WRITE, wait=wait, report=report, may_retry=_but_401_and_404,
    )  # fmt: skip


def _ask(client: "ApiClient", path: str, document: object, wait: "Wait", report: "Report") -> "Any":
    def attempt(number: int) -> object:
        return client.call("POST", path, document=document, expects_json=True).document

    return retry(attempt, READ, wait=wait, report=report)


def _but_401_and_404(error: Exception) -> bool:
    return getattr(error, "may_retry", isinstance(error, Refused) and error.status not in (401, 404))
