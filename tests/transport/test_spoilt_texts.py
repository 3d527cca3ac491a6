"""What a server parses, spoilt byte by byte from a seed: each text is read, or refused as the parser says."""

import gzip
import random
from typing import Any, Callable, Iterator, Tuple

import pytest

from bkagent.transport.server.byte_range import read_range
from bkagent.transport.server.multipart import FormReader, boundary_of
from bkagent.transport.server.request import inflate
from bkagent.transport.server.request_head import HttpError, parse_head
from bkagent.wire import json_text
from bkagent.wire.timestamps import nanoseconds_of

FORM = (
    b'--b\r\nContent-Disposition: form-data; name="path"\r\n\r\na.txt\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a\\"\xff.txt"\r\n\r\nabc\r\n--b--\r\nepilogue'
)
HEAD = b"POST /v2?y=%20 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 5\r\nConnection: close\r\nAuthorization: Bearer x"
PIECES = (b"\r\n", b"\r\n\r\n", b"--b", b"--", b'"', b"\\", b";", b"=", b":", b"\0", b"0" * 300, b"\xff")


def read_form(data: bytes) -> None:
    size = len(data) % 7 + 1
    reader = FormReader(iter([data[at : at + size] for at in range(0, len(data), size)]), b"b")
    for part in reader.parts():
        if part.name == "path":
            reader.read(5000)


def text_of(read: Callable[[str], Any]) -> Callable[[bytes], Any]:
    return lambda data: read(data.decode("latin-1"))


# What reads a text, a text that is right, and what a wrong one raises.
READERS: "Tuple[Tuple[Callable[[bytes], Any], bytes, Any], ...]" = (
    (read_form, FORM, HttpError),
    (parse_head, HEAD, HttpError),
    (text_of(boundary_of), b'multipart/form-data; charset=x; boundary="ab c"', HttpError),
    (text_of(lambda text: read_range(text, 15)), b"bytes=10-20", HttpError),
    (lambda data: inflate(data, 1000), gzip.compress(b"abc" * 50, mtime=0), HttpError),
    (text_of(nanoseconds_of), b"2015-05-09T21:05:59.874123456+02:30", ()),
    (json_text.loads, b'{"a":[1,2.5e3,"\\ud83d\\ude00",null,true],"b":{"c":"\xc3\xa9"}}', ValueError),
)


def spoilt(chance: random.Random, text: bytes) -> bytes:
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        at, end = sorted(chance.randrange(len(text) + 1) for _ in range(2))
        text = chance.choice((
            text[:at] + text[at + chance.choice((1, 2, 20)) :], text[:at] + chance.choice(PIECES) + text[at:],
            text[:end] + text[at:end] + text[end:], text[:at] + bytes([chance.randrange(256)]) + text[at + 1 :],
        ))  # fmt: skip
    return text


def texts(seed: int, count: int, text: bytes) -> Iterator[bytes]:
    chance = random.Random(seed)
    for _ in range(count):
        yield spoilt(chance, text)


@pytest.mark.parametrize("count", [1500, pytest.param(100_000, marks=pytest.mark.soak)])
@pytest.mark.parametrize(
    ("read", "text", "refusal"), READERS, ids=["form", "head", "boundary", "range", "gzip", "time", "json"]
)
def test_a_spoilt_text_is_read_or_refused(read: Callable[[bytes], Any], text: bytes, refusal: Any, count: int) -> None:
    read(text)
    for wrong in texts(1, count, text):
        try:
            read(wrong)
        except refusal:
            pass
