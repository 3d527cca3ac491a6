"""What asks for access tokens of Microsoft Entra ID, and what their endpoints answer."""

from __future__ import annotations

import urllib.parse
from dataclasses import dataclass
from typing import Callable, Mapping, Optional, Tuple

from bkagent.cloud.cloud_context import CloudContext
from bkagent.cloud.renewal import Expiring
from bkagent.config.secret import Secret
from bkagent.errors import AgentError, Refused, Unavailable, WireError
from bkagent.transport.retry import exponential, retry
from bkagent.wire import json_text
from bkagent.wire.shown_text import one_line

STORAGE = "https://storage.azure.com"
_SCHEDULE = exponential(4, 2)
_SILENCE_LIMIT_S = 60.0
_SHOWN_LETTERS = 300
_LARGEST_BYTES = 1024 * 1024  # a token has a few thousand


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
    sent = {"User-Agent": context.user_agent, "Accept": "application/json", **headers}
    body = b""
    if form is not None:
        sent["Content-Type"] = "application/x-www-form-urlencoded"
        body = urllib.parse.urlencode(form).encode()

    def attempt(_: int) -> Expiring[Secret]:
        response = context.pool.request_url(
            method, url, sent, body, timeout_s=_SILENCE_LIMIT_S, follow_redirects=False
        )  # fmt: skip
        if response.status in (200, 202):
            return read_token(response.body, context.now(), what)
        text = f"{what} answered {response.status}{_reason(response.body)}"
        if response.status == 429 or response.status >= 500 or response.status in also_retried:
            raise Unavailable(text, response.status)
        raise Refused(text, response.status)

    return retry(attempt, _SCHEDULE, wait=context.wait, report=context.report, what="Azure access token")


def read_token(body: bytes, now_s: float, what: str) -> Expiring[Secret]:
    """Return the token of a JSON answer. Raises WireError naming `what` and never quoting the answer.

    The lifetime comes as `expires_in` (seconds), as `expires_on` (seconds since the epoch), or as both; each is a
    number or a text of digits, depending on the endpoint.
    """
    document = _decoded(body)
    if not isinstance(document, dict):
        raise WireError(f"{what} did not answer with a JSON object")
    token = document.get("access_token")
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
        raise WireError(f"{what} answered without a valid access_token")
    lifetime_s = _seconds(document.get("expires_in"))
    expires_s = _seconds(document.get("expires_on"))
    if lifetime_s is not None:
        expires_s = now_s + lifetime_s
    if expires_s is None:
        raise WireError(f"{what} answered without a valid expires_in or expires_on")
    return Expiring(Secret(token), expires_s)


def _decoded(body: bytes) -> object:
    """Return the value of a JSON text, None for anything else."""
    try:
        return json_text.loads(body) if len(body) <= _LARGEST_BYTES else None
    except (ValueError, RecursionError):
        return None


def _seconds(value: object) -> Optional[float]:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return seconds if 0 <= seconds < 1e11 else None


def _reason(body: bytes) -> str:
    """Return the error of an answer (RFC 6749 section 5.2) for a message, "" where there is none."""
    document = _decoded(body)
    if not isinstance(document, dict):
        return ""
    words = [document.get(name) for name in ("error", "error_description")]
    # A second line has identifiers for Microsoft's support only.
    texts = [word.splitlines()[0] for word in words if isinstance(word, str) and word.strip()]
    return ": " + one_line(": ".join(texts)[:_SHOWN_LETTERS]) if texts else ""
