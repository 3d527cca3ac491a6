"""The head of an HTTP/1.1 request: bytes to checked values. No sockets."""

from typing import Any, Dict, List, Mapping, Optional, Tuple

from bkagent.errors import AgentError
from bkagent.named_tuple import NamedTuple
from bkagent.wire.digits import is_whole

LIMIT_BYTES = 64 * 1024  # agents send a few hundred bytes, browsers a few thousand
HEADERS_COUNT = 100

_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_ONCE = ("content-length", "transfer-encoding", "authorization")  # two that differ hide something
# Of the host and port that a client means. Source: RFC 3986, section 3.2.2, without the user.
_HOST = frozenset("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!$%&'()*+,-.:;=[]_~")


class HttpError(AgentError):
    """A request that is answered with an error `status` and a sentence.

    `headers` go with the answer; `details` are fields of its document beside the message.
    """

    def __init__(
        self,
        status: int,
        message: str,
        headers: Tuple[Tuple[str, str], ...] = (),
        details: Optional[Mapping[str, Any]] = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers
        self.details = details or {}


class BadRequest(HttpError):
    """A request whose framing cannot be trusted: after the answer the connection is closed."""


class RequestHead(NamedTuple):
    """What a client asks for. Header names are in lower case.

    body_bytes    what Content-Length says; 0 without one; None for a chunked body
    has_length    whether there was a Content-Length
    keep_alive    whether the client can send another request on this connection
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body_bytes: Optional[int]
    has_length: bool
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
    body_bytes = _body_bytes(headers)
    _check_host(version, headers)
    return RequestHead(method, target, headers, body_bytes, "content-length" in headers, _keeps_alive(version, headers))


def _request_line(line: str) -> Tuple[str, str, str]:
    parts = line.split(" ")
    if len(parts) != 3:
        raise BadRequest(400, "the request line must be METHOD TARGET VERSION")
    method, target, version = parts
    if not method or not _TOKEN.issuperset(method):
        raise BadRequest(400, "the request method has characters that are not allowed")
    if version not in ("HTTP/1.1", "HTTP/1.0"):
        raise BadRequest(505, "only HTTP/1.1 is supported")
    if target.lower().startswith("http://"):
        target = "/" + target[7:].partition("/")[2]
    if not target.startswith("/") or not target.isascii() or not target.isprintable():
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
        name, value = name.lower(), value.strip(" \t")
        if not value.isprintable() and any(letter < " " and letter != "\t" or letter == "\x7f" for letter in value):
            raise BadRequest(400, "a header value has control characters")
        if name in headers:
            if name == "host":
                raise BadRequest(400, "more than one Host header")
            if name not in _ONCE:
                value = f"{headers[name]}, {value}"
            elif headers[name] != value:
                raise BadRequest(400, f"two different {name} headers")
        headers[name] = value
    return headers


def _check_host(version: str, headers: Mapping[str, str]) -> None:
    """Raise BadRequest where the host is missing or malformed. Source: RFC 9112, section 3.2."""
    if "host" not in headers and version == "HTTP/1.1":
        raise BadRequest(400, "the Host header is missing")
    if not _HOST.issuperset(headers.get("host", "")):
        raise BadRequest(400, "the Host header is malformed")


def _body_bytes(headers: Mapping[str, str]) -> Optional[int]:
    coding, length = headers.get("transfer-encoding"), headers.get("content-length")
    if coding is not None:
        if length is not None:
            raise BadRequest(400, "content-length and transfer-encoding are mutually exclusive")
        if coding.lower() != "chunked":
            raise BadRequest(501, "the only supported transfer encoding is chunked")
        return None
    if length is None:
        return 0
    if not is_whole(length, len(length)):
        raise BadRequest(400, "content-length must be a decimal number")
    if len(length) > 18:
        raise BadRequest(413, "content-length is too large")
    return int(length)


def _keeps_alive(version: str, headers: Mapping[str, str]) -> bool:
    if "connection" not in headers:
        return version == "HTTP/1.1"
    options = [word.strip() for word in headers["connection"].lower().split(",")]
    return "close" not in options if version == "HTTP/1.1" else "keep-alive" in options
