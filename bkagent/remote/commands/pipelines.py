"""Add steps to the running build: upload a pipeline, wait until it is applied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, Optional
from urllib.parse import unquote, urljoin, urlsplit

from bkagent.errors import AgentError, NotYet, Refused, Unavailable
from bkagent.remote.escaping import segment
from bkagent.remote.reply import Reply, retry_after_s
from bkagent.transport.retry import LONGEST_PAUSE_S, Schedule, constant, retry, worth_another_try
from bkagent.wire.reader import Reader

if TYPE_CHECKING:
    from bkagent.remote.api_client import ApiClient
    from bkagent.report import Report

Wait = Callable[[float], bool]

UPLOAD = constant(60, 5.0)
STATUS = constant(60, 5.0)
_FIRST_LOOK_AFTER_S = 1.0


def upload(
    client: ApiClient,
    job_id: str,
    uuid: str,
    pipeline: object,
    *,
    replace: bool = False,
    wait: Wait,
    report: Report,
    schedule: Schedule = UPLOAD,
    status_schedule: Schedule = STATUS,
) -> None:
    """Upload a pipeline document and return when the server has applied it.

    `uuid` makes another try harmless. Raises AgentError with the server's words when it rejects the pipeline.
    """
    document: Dict[str, Any] = {"uuid": uuid, "pipeline": pipeline}
    if replace:
        document["replace"] = True
    path = f"jobs/{segment(job_id)}/pipelines"

    def attempt(number: int) -> Optional[Reply]:
        reply = client.call("POST", path, document=document, query={"async": "true"}, headers=_numbered(number))
        if reply.status != 202:
            return None
        location = reply.headers.get("Location")
        if not location:
            raise Unavailable("pipeline upload: the server accepted it but sent no Location to poll", 202)
        _check_location(f"{client.endpoint}/{path}", location, job_id, uuid)
        return reply

    accepted = retry(attempt, schedule, wait=wait, report=report)
    if accepted is None:
        return
    pause_s = retry_after_s(accepted.headers)
    wait(_FIRST_LOOK_AFTER_S if pause_s is None else min(pause_s, LONGEST_PAUSE_S))
    _until_applied(client, f"{path}/{segment(uuid)}", wait, report, status_schedule)


def _until_applied(client: ApiClient, path: str, wait: Wait, report: Report, schedule: Schedule) -> None:
    def attempt(number: int) -> None:
        reply = client.call("GET", path, headers=_numbered(number), expects_json=True)
        read = Reader(reply.document, "pipeline upload status")
        state, message = read.text("state", ""), read.text("message", "")
        if state in ("pending", "processing"):
            raise NotYet(f"pipeline upload not yet applied: {state}", 202, retry_after_s(reply.headers))
        if state in ("rejected", "failed"):
            report("error", "Unrecoverable error, skipping retries")
            raise AgentError(f"the pipeline upload was {state}: {message}")
        if state != "applied":
            raise AgentError(f"pipeline upload status: unknown state {state!r}")

    retry(attempt, schedule, wait=wait, report=report, may_retry=_may_look_again)


def _may_look_again(error: Exception) -> bool:
    return worth_another_try(error) or (isinstance(error, Refused) and error.status != 422)


def _numbered(number: int) -> Dict[str, str]:
    return {"X-Buildkite-Backoff-Sequence": str(number)}


def _check_location(base: str, location: str, job_id: str, uuid: str) -> None:
    """Refuse an answer about another upload: a proxy may mix up answers."""
    path = unquote(urlsplit(urljoin(base, location)).path)
    if f"jobs/{job_id}/pipelines/{uuid}" not in path:
        raise AgentError(f"pipeline upload: the server's Location {location} is not that of this upload")
