"""What asks for access tokens of Microsoft Entra ID, and what their endpoints answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Mapping, Optional, Tuple

from bkagent.cloud import token_endpoint
from bkagent.cloud.cloud_context import CloudContext
from bkagent.cloud.renewal import Expiring
from bkagent.cloud.token_answer import read_token
from bkagent.config.secret import Secret
from bkagent.errors import AgentError

STORAGE = "https://storage.azure.com"


class CredentialUnavailable(AgentError):
    """A source is not set up on this machine; the next one of the chain may be. The text says what it lacks."""


@dataclass(frozen=True)
class TokenRequest:
    """A token for `resource` (https://storage.azure.com, say).

    alone  whether no other source is tried when this one is unavailable
    """

    context: CloudContext
    resource: str
    alone: bool = False

    @property
    def scope(self) -> str:
        """The resource as version 2 of Entra's endpoints names it."""
        return self.resource + "/.default"

    def variable(self, name: str) -> str:
        """Return an environment variable. Raises CredentialUnavailable where it is missing or empty."""
        text = self.context.environ.get(name, "")
        if not text:
            raise CredentialUnavailable(f"{name} is not set")
        return text


TokenSource = Callable[[TokenRequest], Expiring[Secret]]


def ask(
    context: CloudContext,
    method: str,
    url: str,
    headers: Mapping[str, str],
    form: Optional[Mapping[str, str]] = None,
    *,
    what: str,
    also_retried: Tuple[int, ...] = (),
) -> Expiring[Secret]:
    """Return the token that an endpoint answers with; `what` names the endpoint in errors.

    Raises Refused with the reason that it gives, Unreachable and Unavailable after several tries, WireError for an
    answer without a token, and Cancelled.
    """
    response = token_endpoint.ask(
        context, method, url, headers, b"" if form is None else form, what=what, also_retried=also_retried
    )
    return read_token(response.body, what, context.now())
