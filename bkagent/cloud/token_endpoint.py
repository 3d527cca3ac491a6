"""Requests to endpoints that give tokens, and their refusals: RFC 6749, section 5."""

from __future__ import annotations

from typing import TYPE_CHECKING, Mapping, Optional, Tuple, Union
from urllib.parse import urlencode

from bkagent.cloud.token_answer import LARGEST_BYTES
from bkagent.errors import AgentError, Refused, Unavailable
from bkagent.transport.client.address import parse
from bkagent.transport.client.answer_reader import BadAnswer
from bkagent.transport.retry import exponential, retry
from bkagent.wire import go_decoding
from bkagent.wire.digits import is_whole
from bkagent.wire.shown_text import one_line

if TYPE_CHECKING:
    from bkagent.cloud.cloud_context import CloudContext
    from bkagent.transport.client.response import Response

SCHEDULE = exponential(4, 2)
_SILENCE_LIMIT_S = 60.0
_SHOWN_LETTERS = 300
_LONGEST_CODE = 100


class RequestRefused(Refused):
    """An endpoint said no. `code` is its word for why (RFC 6749 section 5.2), or ""; `date` its Date header."""

    def __init__(self, message: str, status: int, code: str, date: str) -> None:
        super().__init__(message, status)
        self.code, self.date = code, date


def ask(
    context: CloudContext,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: Union[Mapping[str, str], bytes] = b"",
    *,
    what: str = "",
    also_retried: Tuple[int, ...] = (),
) -> Response:
    """Return the 2xx answer of an endpoint; a mapping is sent as a form.

    `what` names it in messages; else the method and the URL do. `also_retried` are further statuses that may pass.
    Raises RequestRefused, Unavailable and Unreachable after several tries, and Cancelled.
    """
    sent = {"User-Agent": context.user_agent, "Accept": "application/json", **headers}
    if not isinstance(body, bytes):
        sent["Content-Type"] = "application/x-www-form-urlencoded"
        body = urlencode(body).encode("ascii")
    content, name = body, what or f"{method} {parse(url).shown}"

    def attempt(_: int) -> Response:
        taken = bytearray()
        response = context.pool.request_url(
            method, url, sent, content, timeout_s=_SILENCE_LIMIT_S, follow_redirects=False,
            sink=lambda data: _take(taken, data),
        )  # fmt: skip
        if 200 <= response.status < 300:
            response.body = bytes(taken)
            return response
        raise refusal(f"{name} answered {response.status}", response, also_retried)

    return retry(attempt, SCHEDULE, wait=context.wait, report=context.report, what="access token")


def refusal(text: str, response: Response, also_retried: Tuple[int, ...] = ()) -> AgentError:
    """Return the error that an answer outside 2xx is: Unavailable, or RequestRefused.

    The endpoint's own reason follows `text`, which must name the status; where it gives none, what the answer is.
    """
    code, words = _reason(response.body)
    words = words or _kind(response)
    message = f"{text}: {words}" if words else text
    if response.status in (408, 429) or response.status >= 500 or response.status in also_retried:
        pause = (response.headers.get("Retry-After") or "").strip()
        return Unavailable(message, response.status, float(pause) if is_whole(pause) else None)
    return RequestRefused(message, response.status, code, response.headers.get("Date") or "")


def _take(taken: bytearray, data: bytes) -> None:
    if len(taken) + len(data) > LARGEST_BYTES:
        raise BadAnswer(f"the answer is longer than {LARGEST_BYTES} bytes")
    taken.extend(data)


def _kind(response: Response) -> str:
    """Return what an answer without a reason is, "" where that is not known."""
    location = response.headers.get("Location")
    if location and 300 <= response.status < 400:
        return f"it redirects to {one_line(location.partition('?')[0][:_SHOWN_LETTERS])}"
    is_html = b"<html" in response.body[:1000].lower()
    return "the answer is an HTML page of something in between" if is_html else ""


def _reason(body: bytes) -> Tuple[str, str]:
    """Return the code and the words of an error: by RFC 6749 section 5.2, or as Google's APIs have it."""
    document: Optional[object] = None
    try:
        document = go_decoding.loads(body) if len(body) <= LARGEST_BYTES else None
    except (ValueError, RecursionError):
        pass
    if not isinstance(document, dict):
        return "", ""
    error = document.get("error")
    if isinstance(error, dict):
        words = [error.get("status"), error.get("message")]
    else:
        words = [error, document.get("error_description")]
    # Further lines are identifiers for the provider's support.
    texts = [word.strip().splitlines()[0] for word in words if isinstance(word, str) and word.strip()]
    return (texts[0] if texts else "")[:_LONGEST_CODE], one_line(": ".join(texts)[:_SHOWN_LETTERS])
