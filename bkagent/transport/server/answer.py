"""Answers of a server: bytes, blocks, a file or a part of it, a stream. No sockets."""

from __future__ import annotations

import json
from typing import BinaryIO, Callable, Iterable, Optional, Tuple, Union

from bkagent.named_tuple import NamedTuple
from bkagent.transport.server.request_head import HttpError

Headers = Tuple[Tuple[str, str], ...]

_REASONS = {
    200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 206: "Partial Content",
    302: "Found", 303: "See Other", 304: "Not Modified",
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    406: "Not Acceptable", 408: "Request Timeout", 409: "Conflict", 411: "Length Required", 413: "Content Too Large",
    415: "Unsupported Media Type", 416: "Range Not Satisfiable", 421: "Misdirected Request",
    422: "Unprocessable Entity", 423: "Locked", 429: "Too Many Requests", 431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable", 505: "HTTP Version Not Supported",
    507: "Insufficient Storage",
}  # fmt: skip
BODILESS = (204, 304)


class FilePart:
    """Bytes of an open file: `count` of them from `offset`. The server closes the file once they are sent."""

    __slots__ = ("file", "offset", "count")

    def __init__(self, file: BinaryIO, offset: int, count: int) -> None:
        self.file, self.offset, self.count = file, offset, count


class Blocks:
    """A body of `count` bytes that is made piece by piece while it is sent."""

    __slots__ = ("blocks", "count")

    def __init__(self, blocks: Iterable[bytes], count: int) -> None:
        self.blocks, self.count = blocks, count


class EventSource:
    """What an endless answer is read from, a piece whenever there is something new. Only an event server sends these.

    heartbeat_s   after so long without a piece `read` is called as well
    """

    heartbeat_s = 15.0

    def begin(self, tell: Callable[[], None]) -> None:
        """Have `tell()` called, on any thread, when there may be something to read. Not called for a refused stream."""
        raise NotImplementedError

    def read(self, is_due: bool) -> Optional[bytes]:
        """Return what is to be sent next, b"" for nothing, None at the end; never on two threads at once.

        It is called again after a piece has been sent. `is_due`: nothing was sent for `heartbeat_s`.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Give back what `begin` took: the client has gone, or the stream has ended."""
        raise NotImplementedError


class Stream:
    """A body of no known length, sent as it comes until its source ends."""

    __slots__ = ("source",)

    def __init__(self, source: EventSource) -> None:
        self.source = source


Body = Union[bytes, FilePart, Blocks, Stream]


class Answer(NamedTuple):
    """One answer. `headers` are pairs without Content-Length and Connection, which the server adds."""

    status: int
    body: Body = b""
    headers: Headers = ()

    def with_headers(self, headers: Headers) -> "Answer":
        """Return the same answer with `headers` added."""
        return Answer(self.status, self.body, self.headers + headers)


def json_answer(status: int, document: object, headers: Headers = ()) -> Answer:
    """Return an answer that carries JSON, which ends with a newline."""
    body = json.dumps(document, separators=(",", ":")).encode("ascii") + b"\n"
    return Answer(status, body, (("Content-Type", "application/json"),) + headers)


def error_answer(problem: HttpError) -> Answer:
    """Return the one shape that errors have: `{"message": ...}`, and what more the error says."""
    return json_answer(problem.status, {"message": str(problem), **problem.details}, problem.headers)


def text_answer(status: int, body: bytes, content_type: str, headers: Headers = ()) -> Answer:
    """Return an answer of some text; `content_type` names its kind and coding."""
    return Answer(status, body, (("Content-Type", content_type),) + headers)


def encode_head(answer: Answer, *, length: Optional[int], keep_alive: bool) -> bytes:
    """Return the head of an answer, blank line included. `length` None: the body ends with the connection.

    Raises ValueError for a header that would break out of its line.
    """
    lines = [f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, 'Status')}"]
    for name, value in answer.headers:
        if "\r" in value or "\n" in value or "\0" in value:
            raise ValueError(f"the header {name} may not hold line ends")
        lines.append(f"{name}: {value}")
    if length is not None and answer.status not in BODILESS:
        lines.append(f"Content-Length: {length}")
    if not keep_alive:
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
