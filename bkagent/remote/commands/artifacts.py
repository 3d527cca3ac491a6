"""The records of artifacts: create them in batches, update their states, search them."""

from __future__ import annotations

from bkagent.errors import AgentError, Refused, WireError
from bkagent.named_tuple import NamedTuple
from bkagent.remote.client import DEFAULT_TIMEOUT_S, timeout
from bkagent.remote.escaping import segment
from bkagent.transport.retry import Schedule, constant, retry, subsecond, worth_another_try
from bkagent.wire.artifacts import Artifact, Created, StateChange

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

    from bkagent.remote.api_client import ApiClient
    from bkagent.remote.client import Client, PreparedRequest
    from bkagent.remote.reply import Reply
    from bkagent.report import Report

    Wait = Callable[[float], bool]


CREATE = subsecond(10, 0.5)
UPDATE = subsecond(10, 0.5)
SEARCH = constant(10, 5.0)
_HURRIED_TRIES = 4  # the first ones are cut short, since a fresh try is often faster than a stuck one
CREATE_LIMIT_S = 10.0
_UPDATE_LIMIT_S = 5.0


class CreationRequest(NamedTuple):
    """What creates the records of a batch.

    batch_id  makes another try harmless
    """

    job_id: str
    batch_id: str
    artifacts: Sequence[Artifact]
    destination: str = ""
    multipart: bool = True

    @property
    def path(self) -> str:
        """Its path below the endpoint."""
        return f"jobs/{segment(self.job_id)}/artifacts"

    @property
    def document(self) -> Dict[str, Any]:
        """What it carries."""
        document: Dict[str, Any] = {
            "id": self.batch_id,
            "artifacts": [artifact.to_wire() for artifact in self.artifacts],
            "upload_destination": self.destination,
        }
        if self.multipart:
            document["multipart_supported"] = True
        return document

    def read(self, reply: Reply) -> Created:
        """Return what an answer says. Raises WireError; another try may get a better one."""
        return Created.from_wire(reply.document, are_stored_elsewhere=bool(self.destination))

    def check(self, created: Created) -> None:
        """Raise WireError when the answer does not name every artifact."""
        if len(created.ids) != len(self.artifacts):
            raise WireError(
                f"artifact batch: {len(self.artifacts)} artifacts were sent and {len(created.ids)} ids came back"
            )


def prepare_creation(client: Client, request: CreationRequest) -> PreparedRequest:
    """Return the first try of `create`, for a loop that sends it; it may take CREATE_LIMIT_S."""
    headers = timeout(CREATE_LIMIT_S)
    return client.prepare("POST", request.path, document=request.document, headers=headers)


def create(
    client: ApiClient,
    request: CreationRequest,
    *,
    wait: Wait,
    report: Report,
    schedule: Schedule = CREATE,
    first_problem: Optional[AgentError] = None,
) -> Created:
    """Create the records of a batch; the answer says how to upload each file. Raises as `CreationRequest.check`.

    first_problem  of a first try that was made in another way
    """
    document = request.document

    def attempt(number: int) -> Created:
        limit_s, headers = _limit(number, CREATE_LIMIT_S)
        try:
            if number == 0 and first_problem is not None:
                raise first_problem
            reply = client.call(
                "POST", request.path, document=document, headers=headers, timeout_s=limit_s, expects_json=True
            )
        except Refused as refusal:
            report("warn", f"Artifact creation failed with status code {refusal.status}, breaking the retry loop")
            raise
        return request.read(reply)

    created = retry(attempt, schedule, wait=wait, report=report)
    request.check(created)
    return created


def update(
    client: ApiClient,
    job_id: str,
    changes: Sequence[StateChange],
    *,
    wait: Wait,
    report: Report,
    schedule: Schedule = UPDATE,
) -> None:
    """Report the states of uploads that have ended. Retried after any error."""
    document = {"artifacts": [change.to_wire() for change in changes]}

    def attempt(number: int) -> None:
        limit_s, headers = _limit(number, _UPDATE_LIMIT_S)
        client.call("PUT", f"jobs/{segment(job_id)}/artifacts", document=document, headers=headers, timeout_s=limit_s)

    retry(attempt, schedule, wait=wait, report=report, may_retry=lambda error: isinstance(error, AgentError))


def search(
    client: ApiClient,
    build_id: str,
    query: str,
    *,
    scope: str = "",
    include_retried_jobs: bool = False,
    include_duplicates: bool = False,
    wait: Wait,
    report: Report,
    schedule: Schedule = SEARCH,
    may_retry: Optional[Callable[[Exception], bool]] = None,
) -> List[Artifact]:
    """Return the uploaded artifacts that match `query`, in the server's syntax. Retried after any error."""
    fields: Mapping[str, str] = {
        "query": query,
        "scope": scope,
        "state": "finished",
        "include_retried_jobs": "true" if include_retried_jobs else "",
        "include_duplicates": "true" if include_duplicates else "",
    }
    given = {name: value for name, value in fields.items() if value}

    def attempt(number: int) -> List[Artifact]:
        path = f"builds/{segment(build_id)}/artifacts/search"
        rows = client.call("GET", path, query=given, expects_json=True).document
        if not isinstance(rows, list):
            raise WireError("artifact search: expected a JSON array")
        return [_read(item, number, len(rows)) for number, item in enumerate(rows, 1)]

    return retry(attempt, schedule, wait=wait, report=report, may_retry=may_retry or _any_answer)


def _read(item: object, number: int, count: int) -> Artifact:
    try:
        return Artifact.from_wire(item)
    except WireError as problem:
        raise WireError(f"artifact search: number {number} of {count} is invalid: {problem}") from problem


def _any_answer(error: Exception) -> bool:
    return worth_another_try(error) or isinstance(error, Refused)


def _limit(number: int, hurried_s: float) -> "tuple[float, Dict[str, str]]":
    return (hurried_s, timeout(hurried_s)) if number < _HURRIED_TRIES else (DEFAULT_TIMEOUT_S, {})
