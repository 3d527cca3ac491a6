"""Cancel a build. On the short path."""

from bkagent.errors import WireError
from bkagent.remote.escaping import segment
from bkagent.transport.retry import constant, retry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from bkagent.remote.api_client import ApiClient
    from bkagent.report import Report

    Wait = Callable[[float], bool]

SCHEDULE = constant(5, 1.0, jitter=(0.0, 1.0))


def cancel(client: "ApiClient", build_id: str, *, wait: "Wait", report: "Report") -> str:
    """Cancel a build; return its id from the server's answer."""

    def attempt(number: int) -> str:
        answer = client.call("POST", f"builds/{segment(build_id)}/cancel", expects_json=True).document
        uuid = answer.get("uuid", "") if isinstance(answer, dict) else None
        if not isinstance(uuid, str):
            raise WireError("build cancel answer: uuid must be a string")
        return uuid

    return retry(attempt, SCHEDULE, wait=wait, report=report)
