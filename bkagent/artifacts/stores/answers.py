"""What the HTTP answers of stores say, whichever store it is."""

from __future__ import annotations

from bkagent.artifacts.stores.store import FetchedHead
from bkagent.errors import AgentError, Refused, Unavailable, WireError
from bkagent.remote.reply import retry_after_s
from bkagent.transport.client.response import Headers, Response
from bkagent.wire.digits import is_whole
from bkagent.wire.shown_text import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional, Tuple

    from bkagent.artifacts.stores.store import Receive
    from bkagent.transport.client.answer_reader import OpenSink

_SHOWN_BYTES = 300


def head_of(status: int, headers: Headers) -> FetchedHead:
    """Return what the head of a download's answer says. Raises WireError for a range that makes no sense."""
    version = headers.get("ETag") or ""
    if headers.get("Content-Encoding"):
        return FetchedHead(version=version, decompressed=True)
    if status == 206:
        start, whole = _content_range(headers.get("Content-Range") or "")
        return FetchedHead(start, whole, version)
    length = headers.get("Content-Length") or ""
    return FetchedHead(0, int(length) if is_whole(length) else None, version)


def pass_head_to(receive: Receive) -> OpenSink:
    """Return what takes the head of a download's answer, and has `receive` say where its bytes go."""
    return lambda status, headers: receive(head_of(status, headers))


def check(method: str, url: str, response: Response) -> None:
    """Raise Unavailable or Refused, with the beginning of the storage's message, for what is no success."""
    if 200 <= response.status < 300:
        check_is_no_page(method, url, response)
        return
    words = response.body[:_SHOWN_BYTES].decode("utf-8", "replace").strip()
    text = f"{method} {url.partition('?')[0]}: {response.status}" + (f": {words}" if words else "")
    location = response.headers.get("Location")
    if location and 300 <= response.status < 400:
        text += f" (the storage names {one_line(location.partition('?')[0])[:_SHOWN_BYTES]} instead)"
    raise refusal(text, response)


def is_page(status: int, body: bytes) -> bool:
    """Return whether an answer of 2xx to an upload is the page of a proxy, such as one where people sign in.

    Stores answer without one, but for servers of WebDAV, whose answer of 201 may be a page.
    """
    return status == 200 and body[:_SHOWN_BYTES].lstrip().lower().startswith((b"<!doctype html", b"<html"))


def check_is_no_page(method: str, url: str, response: Response) -> None:
    """Raise Refused for an answer to an upload that `is_page` says not to be the storage's."""
    if is_page(response.status, response.body):
        text = f"{method} {url.partition('?')[0]}: {response.status}, and the answer is a page"
        raise Refused(f"{text}, not the storage's; is there a proxy that answers itself?", response.status)


def refusal(text: str, response: Response) -> AgentError:
    """Return the error that an answer outside 2xx is, Unavailable or Refused; `text` says what the store has said."""
    if response.status == 429 or response.status >= 500:
        return Unavailable(text, response.status, retry_after_s(response.headers))
    return Refused(text, response.status)


def _content_range(header: str) -> Tuple[int, Optional[int]]:
    """Return where an answer of status 206 begins, and the whole size. RFC 9110, section 14.4."""
    unit, _, ranges = header.partition(" ")
    span, _, whole = ranges.partition("/")
    first = span.partition("-")[0]
    for digits in (first, whole) if whole != "*" else (first,):
        if unit.lower() != "bytes" or not is_whole(digits):
            raise WireError(f"the storage answered with a range that makes no sense: {one_line(header[:80])!r}")
    return int(first), None if whole == "*" else int(whole)
