"""Answers that are short and plain, read at a glance: what is neither is left to `answer_reader`."""

from __future__ import annotations

from bkagent.transport.client.answer_reader import BadAnswer, parse_head
from bkagent.transport.client.response import Headers, Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

HEAD_LIMIT_BYTES = 16 * 1024
BODY_LIMIT_BYTES = 256 * 1024


class SmallAnswer:
    """A whole answer. `keeps`: its connection may carry another one."""

    __slots__ = ("status", "keeps", "body", "_head")

    def __init__(self, status: int, keeps: bool, head: bytes, body: bytes) -> None:
        self.status, self.keeps, self.body, self._head = status, keeps, body, head

    def response(self) -> Response:
        """Return it with its headers. Raises BadAnswer when they are malformed."""
        return Response(self.status, self.headers(), self.body)

    def headers(self) -> Headers:
        """Return its headers. Raises BadAnswer when they are malformed."""
        return parse_head(self._head)[1]


class NotSmall(BadAnswer):
    """An answer that takes a closer look, or none at all."""


def read(received: bytes) -> Optional[SmallAnswer]:
    """Return the answer that `received` is, None while some of it is still to come.

    Raises NotSmall: for an interim answer, a coding of any kind, a length that is not a single number, and more bytes
    than one small answer has.
    """
    end = received.find(b"\r\n\r\n")
    if end < 0:
        if len(received) > HEAD_LIMIT_BYTES:
            raise NotSmall("the head of the answer is long")
        return None
    head = received[:end]
    code, lines = head[9:12], head.lower()
    if (
        not head.startswith(b"HTTP/1.1 ")
        or not code.isdigit()
        or code < b"200"
        or head[12:13] not in (b" ", b"\r", b"")
    ):
        raise NotSmall("the answer is not a plain one")
    if b"\r\ntransfer-encoding" in lines or b"\r\ncontent-encoding" in lines:
        raise NotSmall("the answer is coded")
    size = 0 if code in (b"204", b"304") else _length(lines)
    have = len(received) - end - 4
    if have < size:
        return None
    if have > size:
        raise NotSmall("more came than one answer")
    return SmallAnswer(int(code), _keeps(lines), head, received[end + 4 :])


def _length(lines: bytes) -> int:
    digits = lines.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0].strip(b" \t")
    if lines.count(b"\r\ncontent-length") != 1 or not digits.isdigit() or len(digits) > 9:
        raise NotSmall("the answer has no single length")
    if int(digits) > BODY_LIMIT_BYTES:
        raise NotSmall("the answer is long")
    return int(digits)


def _keeps(lines: bytes) -> bool:
    _, mark, rest = lines.partition(b"\r\nconnection:")
    return not mark or b"close" not in rest.partition(b"\r\n")[0]
