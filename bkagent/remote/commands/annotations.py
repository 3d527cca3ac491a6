"""Annotations of a build's page. On the short path."""

from bkagent.remote.escaping import segment
from bkagent.transport.retry import constant, retry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict

    from bkagent.remote.api_client import ApiClient
    from bkagent.report import Report

    Wait = Callable[[float], bool]

SCHEDULE = constant(5, 1.0, jitter=(0.0, 1.0))


class NewAnnotation:
    """One annotation. Empty fields are left to the server, a priority of 0 too.

    context   identifies the annotation within its build
    style     success, info, warning or error
    append    append to the annotation of that context
    priority  1 to 10; 10 is shown first
    scope     "build" or "job"
    """

    __slots__ = ("body", "context", "style", "append", "priority", "scope")

    def __init__(
        self,
        body: str,
        *,
        context: str = "",
        style: str = "",
        append: bool = False,
        priority: int = 0,
        scope: str = "",
    ) -> None:
        self.body = body
        self.context = context
        self.style = style
        self.append = append
        self.priority = priority
        self.scope = scope

    def to_wire(self) -> "Dict[str, Any]":
        """Return the request's document."""
        return {name: getattr(self, name) for name in self.__slots__ if getattr(self, name)}


def create(client: "ApiClient", job_id: str, annotation: NewAnnotation, *, wait: "Wait", report: "Report") -> None:
    """Create or update an annotation. With `append`, a lost answer may add the text twice."""
    path, document = f"jobs/{segment(job_id)}/annotations", annotation.to_wire()
    retry(lambda number: client.call("POST", path, document=document), SCHEDULE, wait=wait, report=report)


def remove(client: "ApiClient", job_id: str, context: str, *, scope: str, wait: "Wait", report: "Report") -> None:
    """Remove an annotation."""
    path = f"jobs/{segment(job_id)}/annotations/{segment(context)}"
    retry(lambda number: client.call("DELETE", path, query={"scope": scope}), SCHEDULE, wait=wait, report=report)
