"""One request as a handler sees it: its path, query, headers, and a body that is read when asked for."""

from __future__ import annotations

import time
import zlib
from typing import Callable, Dict, Iterator, List, Mapping, Optional, Tuple

from bkagent.transport.server.request_head import HEADERS_COUNT, BadRequest, HttpError, RequestHead
from bkagent.transport.server.server_connection import (
    DRAIN_BYTES,
    DRAIN_S,
    SLOWEST_BYTES_PER_S,
    STALL_LIMIT_S,
    ServerConnection,
)
from bkagent.wire import go_decoding, json_text
from bkagent.wire.gzip_body import decompressor

JSON_LIMIT_BYTES = 16 * 1024 * 1024  # a pipeline of the most jobs that one upload may bring is far smaller
QUERY_FIELDS_COUNT = 200
JSON_LEVELS_COUNT = 128  # no deeper are the values, so that code that walks them has room
FRAMING_BYTES = 256 * 1024
GZIP_MEMBERS_COUNT = 64  # each begins the search for its end anew
_UNREAD = object()


class Request:
    """What a handler is given.

    parameters  what the route's `{name}` segments matched
    query       the query's pairs in order, decoded
    peer        address of the client
    local       address of this machine that the client called
    owner       of the token that came with it, "" before `vouch`
    after_body  called when `read` has the whole body, before it is given out; may raise HttpError
    """

    def __init__(self, head: RequestHead, connection: ServerConnection) -> None:
        self.head = head
        self.method = head.method
        self.headers: Mapping[str, str] = head.headers
        self.parameters: Dict[str, str] = {}
        self.peer: str = connection.peer
        self.local: str = connection.local
        self.owner = ""
        self.after_body: Callable[[], object] = lambda: None
        self._path_text, _, self._query_text = head.target.partition("?")
        self._path: Optional[Tuple[str, ...]] = None
        self._query: Optional[List[Tuple[str, str]]] = None
        self._connection = connection
        self._left: Optional[int] = head.body_bytes  # None: chunked, the end not seen yet
        self._started = False
        self._document: object = _UNREAD

    @property
    def path(self) -> Tuple[str, ...]:
        """Return the segments of the path, decoded. Raises HttpError 400."""
        if self._path is None:
            self._path = _segments(self._path_text)
        return self._path

    @property
    def query(self) -> List[Tuple[str, str]]:
        """Return the query's pairs in order. Raises HttpError 400."""
        if self._query is None:
            try:
                self._query = _pairs(self._query_text, "strict")
            except ValueError:
                raise HttpError(400, "the query must be NAME=VALUE pairs of percent-encoded UTF-8") from None
        return self._query

    def query_of_any_bytes(self) -> Dict[str, str]:
        """Return the first value of each name in a query that may hold names of files, which need not be UTF-8."""
        try:
            pairs = _pairs(self._query_text, "surrogateescape")
        except ValueError:
            raise HttpError(400, f"the query must be at most {QUERY_FIELDS_COUNT} pairs of NAME=VALUE") from None
        return {name: go_decoding.replace_escaped(text) for name, text in reversed(pairs)}

    def authorization(self) -> Tuple[str, str]:
        """Return the scheme of the Authorization header in lower case, and what follows it; "" for what is missing."""
        scheme, _, credentials = self.headers.get("authorization", "").partition(" ")
        return scheme.lower(), credentials.strip()

    def value(self, name: str, default: str = "") -> str:
        """Return the first value of `name` in the query."""
        return next((text for key, text in self.query if key == name), default)

    def values(self, name: str) -> List[str]:
        """Return every value of `name` and of `name[]` in the query."""
        return [text for key, text in self.query if key in (name, name + "[]")]

    def read(self, limit_bytes: int = JSON_LIMIT_BYTES) -> bytes:
        """Return the whole body, inflated when it is gzipped, at most `limit_bytes` long. Raises HttpError."""
        coding = self.headers.get("content-encoding", "identity").lower()
        if coding not in ("identity", "gzip", "x-gzip"):
            raise HttpError(415, "the only supported content coding is gzip")
        body = b"".join(self.blocks(limit_bytes))
        if body:
            self.after_body()
        return body if coding == "identity" else inflate(body, limit_bytes)

    def json(self, limit_bytes: int = JSON_LIMIT_BYTES) -> object:
        """Return the value of a JSON body, None when it is empty; the same when asked again. Any content type will do.

        Raises HttpError 400.
        """
        if self._document is _UNREAD:
            self._document = self._read_json(limit_bytes)
        return self._document

    def _read_json(self, limit_bytes: int) -> object:
        body = self.read(limit_bytes)
        if not body.strip():
            return None
        try:
            document = json_text.loads(body)
        except ValueError as problem:
            raise HttpError(400, f"the body is not valid JSON: {problem}") from None
        if _is_deeper(document, JSON_LEVELS_COUNT):
            raise HttpError(400, f"the JSON text is nested deeper than {JSON_LEVELS_COUNT} levels")
        return go_decoding.replace_lone_surrogates(document) if b"\\ud" in body or b"\\uD" in body else document

    def blocks(self, limit_bytes: int) -> Iterator[bytes]:
        """Yield the body as it comes, not inflated. Raises HttpError 413 when it is longer than `limit_bytes`."""
        if self._left is not None and self._left > limit_bytes:
            raise HttpError(413, f"this body may have at most {limit_bytes} bytes")
        if not self._started:
            self._started = True
            if self.head.expects_continue and self._left != 0:
                self._connection.send_continue()
        with self._connection.waiting():
            if self.head.body_bytes is not None:
                yield from self._plain_blocks()
            elif self._left is None:
                yield from self._chunked_blocks(limit_bytes)

    def _plain_blocks(self) -> Iterator[bytes]:
        assert self._left is not None
        deadline = time.monotonic() + STALL_LIMIT_S + self._left / SLOWEST_BYTES_PER_S
        while self._left:
            block = self._connection.take(self._left, deadline)
            self._left -= len(block)
            yield block

    def _chunked_blocks(self, limit_bytes: int) -> Iterator[bytes]:
        deadline = time.monotonic() + STALL_LIMIT_S + limit_bytes / SLOWEST_BYTES_PER_S
        total = framing = 0
        while True:
            line = self._connection.take_line(deadline)
            size = _chunk_size(line)
            # Chunks of a few bytes, and what else may stand in their lines, cost more than they bring.
            framing += len(line) + 4
            if framing > FRAMING_BYTES + total:
                raise BadRequest(400, "the chunks of the body are too small, or their lines too long")
            if size == 0:
                for _ in range(HEADERS_COUNT):
                    if not self._connection.take_line(deadline):
                        break
                else:
                    raise BadRequest(431, f"more than {HEADERS_COUNT} lines after the last chunk")
                self._left = 0
                return
            total += size
            if total > limit_bytes:
                raise BadRequest(413, f"this body may have at most {limit_bytes} bytes")
            while size:
                block = self._connection.take(size, deadline)
                size -= len(block)
                yield block
            if self._connection.take_line(deadline):
                raise BadRequest(400, "a chunk is longer than it says")

    def vouch(self, owner: str) -> None:
        """Note the owner of the client's token: connections without a token are closed first under load."""
        self.owner = owner
        self._connection.set_owner(owner)

    def client_is_connected(self) -> bool:
        """Return whether the client still waits for the answer. Never waits itself; only once the body is read."""
        return self._connection.client_is_connected()

    @property
    def is_read(self) -> bool:
        """Return whether nothing of the body is left."""
        return self._left == 0

    @property
    def is_skippable(self) -> bool:
        """Return whether so little of the body is left that it can be skipped for the next request."""
        if self._left is None or (self.head.expects_continue and not self._started):
            return self._left == 0
        return self._left <= DRAIN_BYTES

    def skip(self) -> bool:
        """Skip the rest of the body, within DRAIN_S; return whether the connection is at the next request."""
        deadline = time.monotonic() + DRAIN_S
        try:
            with self._connection.waiting():
                while self._left:
                    self._left -= len(self._connection.take(self._left, deadline))
        except BadRequest:
            return False
        return True


def inflate(gzipped: bytes, limit_bytes: int) -> bytes:
    """Return what `gzipped` holds, at most `limit_bytes` long. Raises HttpError 400 or 413."""
    pieces: List[bytes] = []
    total = 0
    while gzipped:
        if len(pieces) == GZIP_MEMBERS_COUNT:
            raise HttpError(400, f"a gzip body may have at most {GZIP_MEMBERS_COUNT} members")
        member = decompressor()
        try:
            piece = member.decompress(gzipped, limit_bytes - total + 1)
        except zlib.error as problem:
            raise HttpError(400, f"the body is not gzip: {problem}") from None
        total += len(piece)
        if total > limit_bytes:
            raise HttpError(413, f"this body may have at most {limit_bytes} bytes when inflated")
        if not member.eof:
            raise HttpError(400, "the gzip body ends too early")
        pieces.append(piece)
        gzipped = member.unused_data
    return b"".join(pieces)


def _is_deeper(document: object, levels: int) -> bool:
    """Return whether arrays and objects lie in each other deeper than so many levels."""
    row = [document] if isinstance(document, (dict, list)) else []
    for _ in range(levels):
        if not row:
            return False
        inner = (element for outer in row for element in (outer.values() if isinstance(outer, dict) else outer))
        row = [element for element in inner if isinstance(element, (dict, list))]
    return bool(row)


def _chunk_size(line: bytes) -> int:
    digits = line.partition(b";")[0].strip()
    if not digits or len(digits) > 8 or digits.strip(b"0123456789abcdefABCDEF"):
        raise BadRequest(400, "a chunk must start with its size in hexadecimal digits")
    return int(digits, 16)


def _pairs(query: str, errors: str) -> List[Tuple[str, str]]:
    """Return the pairs of a query. Raises ValueError."""
    if not query:
        return []
    # Here: the requests of a job's commands have neither queries nor escapes, and it is a lot to load.
    from urllib.parse import parse_qsl

    return parse_qsl(query, keep_blank_values=True, errors=errors, max_num_fields=QUERY_FIELDS_COUNT)


def _segments(path: str) -> Tuple[str, ...]:
    # Split before they are decoded, so that `%2F` stays inside its segment and `%2E` is a plain dot.
    pieces = path.partition("#")[0].strip("/")
    if not pieces:
        return ()
    if "%" not in pieces:
        return tuple(pieces.split("/"))
    from urllib.parse import unquote_to_bytes

    try:
        segments = tuple(unquote_to_bytes(piece).decode("utf-8") for piece in pieces.split("/"))
    except UnicodeDecodeError:
        raise HttpError(400, "the path must be percent-encoded UTF-8") from None
    if any("\0" in segment for segment in segments):
        raise HttpError(400, "the path holds a zero byte")
    return segments
