"""Answers of the control plane: a document, or one of our errors. On the short path."""

from bkagent.errors import Refused, Unavailable, WireError
from bkagent.wire import go_decoding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional, Protocol

    class Lookup(Protocol):
        """Headers by name, whatever the case."""

        def get(self, name: str, default: "Optional[str]" = None) -> "Optional[str]":
            """Return one header's value."""
            ...


_REASONS = {
    400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 406: "Not Acceptable", 408: "Request Timeout", 409: "Conflict", 410: "Gone",
    411: "Length Required", 412: "Precondition Failed", 413: "Request Entity Too Large", 415: "Unsupported Media Type",
    421: "Misdirected Request", 422: "Unprocessable Entity", 423: "Locked", 429: "Too Many Requests",
    431: "Request Header Fields Too Large", 500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway",
    503: "Service Unavailable", 504: "Gateway Timeout",
}  # fmt: skip
_MESSAGE_LETTERS = 4096  # of an error; a proxy may answer with a whole page


class Locked(Refused):
    """The server answered 423: not now, since something else has to end first. `retry_after_s` as in Unavailable."""

    def __init__(self, message: str, retry_after_s: "Optional[float]") -> None:
        super().__init__(message, 423)
        self.retry_after_s = retry_after_s


class Reply:
    """A 2xx answer. `document` is the decoded JSON, or None where none was asked for."""

    __slots__ = ("status", "headers", "document")

    def __init__(self, status: int, headers: "Lookup", document: object) -> None:
        self.status = status
        self.headers = headers
        self.document = document


def read(what: str, status: int, headers: "Lookup", body: bytes, expects_json: bool) -> Reply:
    """Return an answer as a Reply; `what` is "METHOD URL".

    Raises Unavailable for 429 and 5xx, Refused (Locked) for any other status outside 2xx, and WireError for a 2xx whose
    body is not the JSON it should be.
    """
    if not 200 <= status < 300:
        message = f"{what}: {status} {_REASONS.get(status, '')}".rstrip() + _message(body)
        if status == 429 or status >= 500:
            raise Unavailable(message, status, retry_after_s(headers))
        if status == 423:
            raise Locked(message, retry_after_s(headers))
        raise Refused(message, status)
    if not expects_json:
        return Reply(status, headers, None)
    try:
        return Reply(status, headers, go_decoding.loads(body))
    except (ValueError, UnicodeDecodeError) as problem:
        raise WireError(f"{what}: {status} came without valid JSON: {problem}") from None


def retry_after_s(headers: "Lookup") -> "Optional[float]":
    """Return the seconds of a Retry-After header; None without one, and for a date, as the reference has it."""
    try:
        seconds = float((headers.get("Retry-After") or "").strip())
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None


def _message(body: bytes) -> str:
    try:
        document = go_decoding.loads(body)
    except (ValueError, UnicodeDecodeError):
        return ""
    message = document.get("message") if isinstance(document, dict) else None
    return f": {message[:_MESSAGE_LETTERS]}" if isinstance(message, str) and message else ""
