"""Read multipart/form-data as it arrives: fields into memory, within limits, and files block by block. No sockets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Iterator

from bkagent.transport.server.request_head import BadRequest, HttpError
from bkagent.wire import go_decoding

PART_HEAD_BYTES = 8 * 1024
PARTS_COUNT = 100
_PREAMBLE_BYTES = 1024


@dataclass(frozen=True)
class Part:
    """The head of one part. `filename` is None for a plain field."""

    name: str
    filename: "str | None"


def boundary_of(content_type: str) -> bytes:
    """Return the boundary that a Content-Type names. Raises HttpError 415 or 400."""
    kind, parameters = _parse_value(content_type)
    if kind.lower() != "multipart/form-data":
        raise HttpError(415, "the body must be multipart/form-data")
    boundary = parameters.get("boundary", "")
    if not 1 <= len(boundary) <= 70 or not boundary.isascii() or not boundary.isprintable():
        raise HttpError(400, "multipart/form-data needs a boundary of 1 to 70 characters")
    return boundary.encode("ascii")


class FormReader:
    """Goes through the parts of a body in order: `for part in reader.parts()`, then `read` or `blocks` for each.

    Every method may raise BadRequest: after that the rest of the body means nothing.
    """

    def __init__(self, source: Iterator[bytes], boundary: bytes) -> None:
        self._source = source
        self._delimiter = b"\r\n--" + boundary
        self._pending = bytearray(b"\r\n")  # so that the first delimiter looks like every other
        self._in_part = False

    def parts(self) -> Iterator[Part]:
        """Yield the head of each part. What a caller has not read of a part is skipped."""
        self._to_first()
        left = PARTS_COUNT
        while not self._at_end():
            left -= 1
            if left < 0:
                raise BadRequest(400, f"a form may have at most {PARTS_COUNT} parts")
            head = self._take_head()
            self._in_part = True
            yield head
            for _block in self.blocks():
                pass

    def read(self, limit_bytes: int) -> bytes:
        """Return the whole content of the current part."""
        content = bytearray()
        for block in self.blocks():
            content += block
            if len(content) > limit_bytes:
                raise BadRequest(413, f"a field of a form may have at most {limit_bytes} bytes")
        return bytes(content)

    def blocks(self) -> Iterator[bytes]:
        """Yield the content of the current part as it comes."""
        keep = len(self._delimiter) - 1  # bytes that may be the start of a delimiter
        searched = 0
        while self._in_part:
            at = self._pending.find(self._delimiter, searched)
            if at >= 0:
                block = bytes(memoryview(self._pending)[:at])
                del self._pending[: at + len(self._delimiter)]
                self._in_part = False
                if block:
                    yield block
                return
            ready = len(self._pending) - keep
            if ready > 0:
                block = bytes(memoryview(self._pending)[:ready])
                del self._pending[:ready]
                yield block
            self._more()

    def _to_first(self) -> None:
        while True:
            at = self._pending.find(self._delimiter)
            if at >= 0:
                del self._pending[: at + len(self._delimiter)]
                return
            if len(self._pending) > _PREAMBLE_BYTES:
                raise BadRequest(400, "the form does not begin with its boundary")
            self._more()

    def _at_end(self) -> bool:
        """After a delimiter: whether it was the last; else the line that it stands on is done with."""
        while True:
            if self._pending.startswith(b"--"):
                for _ in self._source:  # an epilogue means nothing
                    pass
                return True
            end = self._pending.find(b"\r\n")
            if end >= 0:
                if self._pending[:end].strip(b" \t"):
                    raise BadRequest(400, "a boundary of the form must stand alone on its line")
                del self._pending[: end + 2]
                return False
            if len(self._pending) > _PREAMBLE_BYTES:
                raise BadRequest(400, "a boundary of the form must stand alone on its line")
            self._more()

    def _take_head(self) -> Part:
        while True:
            end = self._pending.find(b"\r\n\r\n", 0, PART_HEAD_BYTES + 4)
            if end >= 0:
                head = bytes(self._pending[:end])
                del self._pending[: end + 4]
                return _part(head)
            if self._pending.startswith(b"\r\n"):
                raise BadRequest(400, "a part of the form has no name")
            if len(self._pending) > PART_HEAD_BYTES:
                raise BadRequest(400, f"the head of a form's part may have at most {PART_HEAD_BYTES} bytes")
            self._more()

    def _more(self) -> None:
        block = next(self._source, None)
        if block is None:
            raise BadRequest(400, "the form ends before its last boundary")
        self._pending += block


def _part(head: bytes) -> Part:
    # The name of a file need not be UTF-8, and agents send its bytes.
    for line in go_decoding.text_of(head).split("\r\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-disposition":
            kind, parameters = _parse_value(value)
            if kind.lower() == "form-data" and "name" in parameters:
                return Part(parameters["name"], parameters.get("filename"))
    raise BadRequest(400, "a part of the form has no name")


def _parse_value(value: str) -> "tuple[str, Dict[str, str]]":
    """Return the first word of `word; name=value; name="value"` and its parameters, quotes and `\\` undone."""
    word, _, rest = value.strip().partition(";")
    parameters: Dict[str, str] = {}
    at = 0
    while at < len(rest):
        equals = rest.find("=", at)
        if equals < 0:
            break
        name = rest[at:equals].strip(" \t;").lower()
        at = equals + 1
        if rest[at : at + 1] == '"':
            text, at = _quoted(rest, at + 1)
        else:
            end = rest.find(";", at)
            end = len(rest) if end < 0 else end
            text, at = rest[at:end].strip(), end
        parameters.setdefault(name, text)
    return word.strip(), parameters


def _quoted(text: str, at: int) -> "tuple[str, int]":
    pieces = []
    while at < len(text) and text[at] != '"':
        if text[at] == "\\" and text[at + 1 : at + 2] in ('"', "\\"):
            at += 1
        pieces.append(text[at])
        at += 1
    return "".join(pieces), at + 1
