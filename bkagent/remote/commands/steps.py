"""Steps of a build: read one, change one, cancel one. On the short path.

A step is named by its id, or by its key where the build is named too.
"""

from bkagent.errors import WireError
from bkagent.remote.escaping import segment
from bkagent.transport.retry import constant, retry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict

    from bkagent.remote.api_client import ApiClient
    from bkagent.report import Report

    Wait = Callable[[float], bool]

SCHEDULE = constant(10, 5.0)


def export(
    client: "ApiClient", step: str, *, attribute: str, build_id: str, format: str, wait: "Wait", report: "Report"
) -> str:
    """Return one attribute of a step, or all of it where `attribute` is empty, in the server's own form."""
    fields = {"attribute": attribute, "build_id": build_id, "format": format}
    document = {name: value for name, value in fields.items() if value}
    path = f"steps/{segment(step)}/export"

    def attempt(number: int) -> str:
        answer = client.call("POST", path, document=document, expects_json=True).document
        return _text(answer, "output", "step export")

    return retry(attempt, SCHEDULE, wait=wait, report=report)


class Change:
    """One change of an attribute. Empty fields are left out.

    uuid      the same for every try, so that a lost answer does no harm
    append    add to the value that is there
    """

    __slots__ = ("uuid", "build_id", "attribute", "value", "append")

    def __init__(self, uuid: str, build_id: str, attribute: str, value: str, append: bool = False) -> None:
        self.uuid = uuid
        self.build_id = build_id
        self.attribute = attribute
        self.value = value
        self.append = append

    def to_wire(self) -> "Dict[str, Any]":
        """Return the request's document."""
        fields = {
            "idempotency_uuid": self.uuid, "build_id": self.build_id, "attribute": self.attribute,
            "value": self.value, "append": self.append,
        }  # fmt: skip
        return {name: value for name, value in fields.items() if value}


def update(client: "ApiClient", step: str, change: Change, *, wait: "Wait", report: "Report") -> None:
    """Change an attribute of a step."""
    path, document = f"steps/{segment(step)}", change.to_wire()
    retry(lambda number: client.call("PUT", path, document=document), SCHEDULE, wait=wait, report=report)


def cancel(
    client: "ApiClient", step: str, *, build_id: str, force: bool, grace_s: int, wait: "Wait", report: "Report"
) -> str:
    """Cancel the unfinished jobs of a step; return the step's id.

    With `force` the jobs count as cancelled after `grace_s` seconds, whatever their agents still do.
    """
    document: "Dict[str, Any]" = {"build_id": build_id, "force": force, "force_grace_period": grace_s}
    path = f"steps/{segment(step)}/cancel"

    def attempt(number: int) -> str:
        answer = client.call("POST", path, document=document, expects_json=True).document
        return _text(answer, "uuid", "step cancel")

    return retry(attempt, SCHEDULE, wait=wait, report=report)


def _text(answer: object, name: str, what: str) -> str:
    text = answer.get(name, "") if isinstance(answer, dict) else None
    if not isinstance(text, str):
        raise WireError(f"{what} answer: {name} must be a string")
    return text
