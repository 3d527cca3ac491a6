"""Forms: what comes out is what was put in, wherever the blocks are cut, and nonsense is an error."""

import random
from typing import Iterator, List, Optional, Tuple

import pytest

from bkagent.transport.server.multipart import FormReader, boundary_of
from bkagent.transport.server.request_head import HttpError

Field = Tuple[str, Optional[str], bytes]


def form(fields: List[Field], boundary: bytes, preamble: bytes = b"", epilogue: bytes = b"") -> bytes:
    pieces = [preamble]
    for name, filename, content in fields:
        more = "" if filename is None else '; filename="' + filename.replace("\\", "\\\\").replace('"', '\\"') + '"'
        pieces.append(b"--" + boundary + b"\r\n")
        pieces.append(f'Content-Disposition: form-data; name="{name}"{more}\r\n'.encode())
        if filename is not None:
            pieces.append(b"Content-Type: application/octet-stream\r\n")
        pieces += [b"\r\n", content, b"\r\n"]
    return b"".join(pieces) + b"--" + boundary + b"--\r\n" + epilogue


def cut(data: bytes, chance: random.Random) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        size = chance.choice((1, 2, 3, 7, 50, 1000))
        yield data[at : at + size]
        at += size


def read(source: Iterator[bytes], boundary: bytes) -> List[Field]:
    reader = FormReader(source, boundary)
    return [(part.name, part.filename, b"".join(reader.blocks())) for part in reader.parts()]


def test_fields_and_files_come_out_as_they_went_in() -> None:
    fields: List[Field] = [
        ("path", None, b"dir/a b.txt"),
        ("empty", None, b""),
        ("file", 'a "b" \\c ü.bin', b"\r\n--x\r\n" * 3),
    ]
    assert read(iter([form(fields, b"boundary")]), b"boundary") == fields


def test_random_forms_survive_any_cut() -> None:
    for seed in range(300):
        chance = random.Random(seed)
        boundary = bytes(chance.choice(b"abcXYZ019'()+_,-./:=?") for _ in range(chance.randint(1, 70)))
        alphabet = [b"\r", b"\n", b"-", b"--", b"\r\n", b"\r\n-", b"\r\n--", b"\r\n--" + boundary[:-1], b"x", b"\0\xff"]
        fields: List[Field] = []
        for number in range(chance.randint(0, 5)):
            content = b"".join(chance.choice(alphabet) for _ in range(chance.randint(0, 60)))
            if b"\r\n--" + boundary in b"\r\n" + content + b"\r\n":
                content = b"plain"
            fields.append((f"f{number}", chance.choice([None, "name", 'q"\\;=']), content))
        preamble = chance.choice([b"", b"a preamble\r\n", b"\r\n"])
        data = form(fields, boundary, preamble, chance.choice([b"", b"an epilogue"]))
        assert read(cut(data, chance), boundary) == fields, seed


def test_damaged_forms_are_errors_and_never_anything_else() -> None:
    whole = form([("path", None, b"p"), ("file", "f", b"content" * 20)], b"bound")
    for seed in range(500):
        chance = random.Random(seed)
        data = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            action = chance.randrange(3)
            at = chance.randrange(len(data))
            if action == 0:
                data[at] = chance.randrange(256)
            elif action == 1:
                del data[at : at + chance.randint(1, 30)]
            else:
                data[at:at] = chance.choice([b"\r\n", b"--bound", b"\r\n--bound\r\n", b'"', b"\0"])
            data = data or bytearray(b"x")
        try:
            read(cut(bytes(data), chance), b"bound")
        except HttpError as problem:
            assert problem.status in (400, 413)


def test_what_a_caller_leaves_of_a_part_is_skipped() -> None:
    reader = FormReader(iter([form([("a", "f", b"x" * 5000), ("b", None, b"y")], b"z")]), b"z")
    assert [(part.name, reader.read(10) if part.name == "b" else b"") for part in reader.parts()] == [
        ("a", b""),
        ("b", b"y"),
    ]


def test_limits_hold() -> None:
    reader = FormReader(iter([form([("a", None, b"x" * 5000)], b"z")]), b"z")
    next(reader.parts())
    with pytest.raises(HttpError, match="at most 100 bytes"):
        reader.read(100)
    with pytest.raises(HttpError, match="at most 100 parts"):
        read(iter([form([("a", None, b"")] * 101, b"z")]), b"z")
    assert len(read(iter([form([("a", None, b"")] * 100, b"z")]), b"z")) == 100
    with pytest.raises(HttpError, match="head of a form's part"):
        read(iter([b"--z\r\nX: " + b"y" * 10000]), b"z")
    with pytest.raises(HttpError, match="does not begin"):
        read(iter([b"x" * 10000]), b"z")
    with pytest.raises(HttpError, match="ends before"):
        read(iter([b"--z\r\n"]), b"z")


def test_boundaries_are_checked() -> None:
    assert boundary_of('multipart/form-data; charset=x; boundary="a;b"') == b"a;b"
    assert boundary_of("Multipart/Form-Data;boundary=ab") == b"ab"
    for wrong in ("multipart/form-data", "multipart/form-data; boundary=" + "x" * 71, "text/plain; boundary=a", ""):
        with pytest.raises(HttpError):
            boundary_of(wrong)
