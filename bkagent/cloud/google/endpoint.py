"""What requests to APIs of Google, and to endpoints that its credential files name, have in common."""

from __future__ import annotations

import json
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Mapping

from bkagent.cloud import token_endpoint
from bkagent.errors import AgentError, ConfigError
from bkagent.transport.client.address import parse

if TYPE_CHECKING:
    from bkagent.transport.client.response import Response

_LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")


def checked_url(url: str, field: str) -> str:
    """Return the URL of an endpoint to which secrets are sent. Raises ConfigError unless TLS protects it.

    Where it leads is for the author of the file to decide: other universes than googleapis.com are legal.
    """
    address = parse(url, field)
    if address.scheme != "https" and address.host not in _LOOPBACK_HOSTS:
        raise ConfigError(f"{field} must be an https:// URL, since secrets are sent to it, not {address.shown}")
    return url


def refusal(what: str, response: Response) -> AgentError:
    """Return the error that an answer of an API outside 2xx is: Unavailable, or RequestRefused."""
    return token_endpoint.refusal(f"{what}: {response.status}", response)


def server_time_s(response: Response, default_s: float) -> float:
    """Return the seconds since the epoch by the clock of a server, which its tokens expire by."""
    try:
        return parsedate_to_datetime(response.headers.get("Date") or "").timestamp()
    except (TypeError, ValueError, IndexError, OverflowError):
        return default_s


def encode_json(document: Mapping[str, object]) -> bytes:
    """Return an object as a body."""
    return json.dumps(document, separators=(",", ":")).encode("ascii")
