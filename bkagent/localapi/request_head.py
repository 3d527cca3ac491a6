"""The head of an HTTP/1.1 request: bytes to checked values. No sockets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Mapping, Optional, Tuple

from bkagent.errors import AgentError

LIMIT_BYTES = 64 * 1024  # job environments do not travel in heads; the reference's clients send a few hundred bytes
HEADERS_COUNT = 100
BODY_LIMIT_BYTES = 32 * 1024 * 1024  # the largest thing sent is a pipeline or an annotation, each a few MiB at most

_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


class BadRequest(AgentError):
    """A request that cannot be served; `status` is the HTTP status to answer with. Close the connection then."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class RequestHead:
    """What a client asks for. Header names are in lower case; `body_bytes` is None for a chunked body."""

    method: str
    target: str
    headers: Mapping[str, str]
    body_bytes: Optional[int]
    keep_alive: bool

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for `100 Continue` before it sends the body, as curl does."""
        return self.headers.get("expect", "").lower() == "100-continue"


def parse_head(head: bytes) -> RequestHead:
    """Return the request that `head` (everything before the blank line) describes. Raises BadRequest."""
    lines = head.decode("latin-1").split("\r\n")
    method, target, version = _request_line(lines[0])
    headers = _headers(lines[1:])
    return RequestHead(method, target, headers, _body_bytes(headers), _keeps_alive(version, headers))


def _request_line(line: str) -> Tuple[str, str, str]:
    parts = line.split(" ")
    if len(parts) != 3:
        raise BadRequest(400, "the request line must be METHOD TARGET VERSION")
    method, target, version = parts
    if not method or not _TOKEN.issuperset(method):
        raise BadRequest(400, "the request method has characters that are not allowed")
    if version not in ("HTTP/1.1", "HTTP/1.0"):
        raise BadRequest(505, "only HTTP/1.1 is spoken here")
    if target.lower().startswith("http://"):
        target = "/" + target[7:].partition("/")[2]
    if not target.startswith("/") or any(not "!" <= letter <= "~" for letter in target):
        raise BadRequest(400, "the request target must be a path of printable ASCII characters")
    return method, target, version


def _headers(lines: List[str]) -> Dict[str, str]:
    if len(lines) > HEADERS_COUNT:
        raise BadRequest(431, f"more than {HEADERS_COUNT} header lines")
    headers: Dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or not _TOKEN.issuperset(name):
            raise BadRequest(400, "a header line must be NAME: VALUE")
        if any(letter < " " and letter != "\t" or letter == "\x7f" for letter in value):
            raise BadRequest(400, "a header value has control characters")
        name, value = name.lower(), value.strip(" \t")
        if name in headers and name in ("content-length", "transfer-encoding", "authorization"):
            if headers[name] != value:
                raise BadRequest(400, f"two different {name} headers")
        elif name in headers:
            value = f"{headers[name]}, {value}"
        headers[name] = value
    return headers


def _body_bytes(headers: Mapping[str, str]) -> Optional[int]:
    coding, length = headers.get("transfer-encoding"), headers.get("content-length")
    if coding is not None:
        if length is not None:
            raise BadRequest(400, "content-length and transfer-encoding exclude each other")
        if coding.lower() != "chunked":
            raise BadRequest(501, "the only transfer encoding known here is chunked")
        return None
    if length is None:
        return 0
    if not (length.isascii() and length.isdigit()):
        raise BadRequest(400, "content-length must be a decimal number")
    if len(length) > 18 or int(length) > BODY_LIMIT_BYTES:
        raise BadRequest(413, f"a request body may have at most {BODY_LIMIT_BYTES} bytes")
    return int(length)


def _keeps_alive(version: str, headers: Mapping[str, str]) -> bool:
    wanted = [word.strip() for word in headers.get("connection", "").lower().split(",")]
    return "close" not in wanted if version == "HTTP/1.1" else "keep-alive" in wanted
