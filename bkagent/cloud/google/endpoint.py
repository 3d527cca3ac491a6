"""Requests for tokens to endpoints of Google (and to those that its credential files name), and their answers."""

from __future__ import annotations

import json
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Mapping, Optional, Union
from urllib.parse import urlencode

from bkagent.cloud.renewal import Expiring
from bkagent.config.secret import Secret
from bkagent.errors import AgentError, ConfigError, Refused, Unavailable, WireError
from bkagent.transport.address import parse
from bkagent.transport.answer_reader import BadAnswer
from bkagent.transport.retry import exponential, retry
from bkagent.wire import go_decoding
from bkagent.wire.reader import Reader
from bkagent.wire.shown_text import one_line

if TYPE_CHECKING:
    from bkagent.cloud.cloud_context import CloudContext
    from bkagent.transport.response import Response

SCHEDULE = exponential(4, 2)
_SILENCE_LIMIT_S = 30.0
LARGEST_BYTES = 1024 * 1024  # of an answer, a credential file or a token; as Google's libraries for Go
_SHOWN_LETTERS = 300
_LONGEST_LIFETIME_S = 10.0**9
_LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")


class RequestRefused(Refused):
    """An endpoint said no. `code` is its word for why (RFC 6749 section 5.2), or ""; `date` its Date header."""

    def __init__(self, message: str, status: int, code: str, date: str) -> None:
        super().__init__(message, status)
        self.code, self.date = code, date


def checked_url(url: str, field: str) -> str:
    """Return the URL of an endpoint to which secrets are sent. Raises ConfigError unless TLS protects it.

    Where it leads is for the author of the file to decide: other universes than googleapis.com are legal.
    """
    address = parse(url, field)
    if address.scheme != "https" and address.host not in _LOOPBACK_HOSTS:
        raise ConfigError(f"{field} must be an https:// URL, since secrets are sent to it, not {address.shown}")
    return url


def ask(
    context: CloudContext,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: Union[Mapping[str, str], bytes] = b"",
) -> Response:
    """Return the 2xx answer of an endpoint; a mapping is sent as a form.

    Raises RequestRefused, Unavailable and Unreachable after several tries, and Cancelled.
    """
    sent = {"User-Agent": context.user_agent, "Accept": "application/json", **headers}
    if not isinstance(body, bytes):
        sent["Content-Type"] = "application/x-www-form-urlencoded"
        body = urlencode(body).encode("ascii")
    content = body
    what = f"{method} {parse(url).shown}"

    def attempt(_: int) -> Response:
        taken = bytearray()
        response = context.pool.request_url(
            method, url, sent, content, timeout_s=_SILENCE_LIMIT_S, follow_redirects=False,
            sink=lambda data: _take(taken, data),
        )  # fmt: skip
        if 200 <= response.status < 300:
            response.body = bytes(taken)
            return response
        raise refusal(what, response)

    return retry(attempt, SCHEDULE, wait=context.wait, report=context.report, what="Google access token")


def refusal(what: str, response: Response) -> AgentError:
    """Return the error that an answer outside 2xx is: Unavailable, or RequestRefused."""
    code, words = _reason(response.body)
    text = f"{what}: {response.status}{': ' + words if words else ''}"
    if response.status in (408, 429) or response.status >= 500:
        return Unavailable(text, response.status, _retry_after_s(response))
    return RequestRefused(text, response.status, code, response.headers.get("Date") or "")


def read_token(response: Response, what: str, now_s: float) -> Expiring[Secret]:
    """Return the access token of an answer by RFC 6749 section 5.1. Raises WireError, which never quotes the answer."""
    reader = read_object(response.body, what)
    lifetime_s = reader.seconds("expires_in")
    return Expiring(read_secret(reader, "access_token", what), now_s + min(lifetime_s, _LONGEST_LIFETIME_S))


def read_object(body: bytes, what: str) -> Reader:
    """Return the fields of a JSON object. Raises WireError."""
    try:
        document = go_decoding.loads(body)
    except (ValueError, RecursionError):
        raise WireError(f"{what}: the answer is not JSON") from None
    return Reader(document, what)


def read_secret(reader: Reader, name: str, what: str) -> Secret:
    """Return a token that can stand in a header. Raises WireError."""
    text = reader.text(name)
    if not text.isascii() or not text.isprintable() or " " in text:
        raise WireError(f"{what}: {name} has characters that a token cannot have")
    return Secret(text)


def server_time_s(response: Response, default_s: float) -> float:
    """Return the seconds since the epoch by the clock of a server, which its tokens expire by."""
    try:
        return parsedate_to_datetime(response.headers.get("Date") or "").timestamp()
    except (TypeError, ValueError, IndexError, OverflowError):
        return default_s


def encode_json(document: Mapping[str, object]) -> bytes:
    """Return an object as a body."""
    return json.dumps(document, separators=(",", ":")).encode("ascii")


def _take(taken: bytearray, data: bytes) -> None:
    if len(taken) + len(data) > LARGEST_BYTES:
        raise BadAnswer(f"the answer is longer than {LARGEST_BYTES} bytes")
    taken.extend(data)


def _retry_after_s(response: Response) -> Optional[float]:
    text = (response.headers.get("Retry-After") or "").strip()
    return float(text) if text.isdecimal() and len(text) < 10 else None


def _reason(body: bytes) -> "tuple[str, str]":
    """Return the code and the words of an error: by RFC 6749 section 5.2, or as Google's APIs have it."""
    try:
        document = go_decoding.loads(body[:LARGEST_BYTES])
    except (ValueError, RecursionError):
        return "", ""
    error = document.get("error") if isinstance(document, dict) else None
    if isinstance(error, dict):
        words = [error.get("status"), error.get("message")]
    else:
        words = [error, document.get("error_description") if isinstance(document, dict) else None]
    texts = [word for word in words if isinstance(word, str) and word]
    return (texts[0] if texts else "")[:100], one_line(": ".join(texts)[:_SHOWN_LETTERS])
