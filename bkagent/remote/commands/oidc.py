"""OpenID Connect tokens of a job. On the short path."""

from bkagent.errors import WireError
from bkagent.remote.escaping import segment
from bkagent.transport.retry import exponential, retry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Sequence

    from bkagent.remote.api_client import ApiClient
    from bkagent.report import Report

    Wait = Callable[[float], bool]

SCHEDULE = exponential(5, 2.0)


class OidcTokenRequest:
    """The request of a token. Empty fields are left to the server, a lifetime of 0 seconds too."""

    __slots__ = ("audience", "lifetime", "claims", "aws_session_tags", "subject_claim")

    def __init__(
        self,
        audience: str = "",
        lifetime: int = 0,
        claims: "Sequence[str]" = (),
        aws_session_tags: "Sequence[str]" = (),
        subject_claim: str = "",
    ) -> None:
        self.audience = audience
        self.lifetime = lifetime
        self.claims = list(claims)
        self.aws_session_tags = list(aws_session_tags)
        self.subject_claim = subject_claim

    def to_wire(self) -> "Dict[str, Any]":
        """Return the request's document."""
        return {name: getattr(self, name) for name in self.__slots__ if getattr(self, name)}


def token(client: "ApiClient", job_id: str, request: OidcTokenRequest, *, wait: "Wait", report: "Report") -> str:
    """Return a token for the job."""
    path, document = f"jobs/{segment(job_id)}/oidc/tokens", request.to_wire()

    def attempt(number: int) -> str:
        answer = client.call("POST", path, document=document, expects_json=True).document
        jwt = answer.get("token") if isinstance(answer, dict) else None
        if not isinstance(jwt, str):
            raise WireError("OIDC token answer: token must be a string")
        return jwt

    return retry(attempt, SCHEDULE, wait=wait, report=report)
