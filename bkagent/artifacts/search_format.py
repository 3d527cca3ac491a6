"""The output format of `artifact search`: a text with %i, %p and the like, and escapes as in Go."""

from __future__ import annotations

import re
from typing import List

from bkagent.wire.artifacts import Artifact
from bkagent.wire.shown_text import one_line

_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", '"': '"'}
_ESCAPE = re.compile(r"\\(?:([abfnrtv\\])|x([0-9a-fA-F]{2})|([0-3][0-7]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))")
_NO_TIME = "0001-01-01T00:00:00Z"  # as servers that do not know it are understood


def unescape(text: str) -> bytes:
    """Return a format with its escapes decoded, as UTF-8. Raises ValueError for an invalid one."""
    pieces: List[bytes] = []
    at = 0
    while at < len(text):
        if text[at] == "\n":
            raise ValueError("a line break in it must be written as \\n")
        if text[at] != "\\":
            pieces.append(text[at].encode("utf-8", "surrogateescape"))
            at += 1
            continue
        match = _ESCAPE.match(text, at)
        if match is None:
            raise ValueError(f'"{text[at : at + 2]}" is not an escape sequence')
        pieces.append(_decode_escape(match))
        at = match.end()
    return b"".join(pieces)


def _decode_escape(match: "re.Match[str]") -> bytes:
    simple, byte, octal, short, long = match.groups()
    if simple:
        return _SIMPLE[simple].encode("ascii")
    if byte or octal:
        return bytes([int(byte, 16) if byte else int(octal, 8)])
    number = int(short or long, 16)
    if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:
        raise ValueError(f'"{match.group()}" is not the code of a character')
    return chr(number).encode("utf-8")


def line(form: bytes, artifact: Artifact) -> bytes:
    """Return the output for one artifact, with each field on one line.

    Control characters in them are escaped; other letters after a percent sign are kept.
    """
    fields = {
        b"i": artifact.id, b"p": artifact.path, b"c": _whole_seconds(artifact.created_at), b"j": artifact.job_id,
        b"s": str(artifact.size), b"S": artifact.sha1, b"T": artifact.sha256, b"u": artifact.url,
    }  # fmt: skip
    return re.sub(b"%([ipcjsSTu])", lambda match: one_line(fields[match.group(1)]).encode("utf-8", "replace"), form)


def _whole_seconds(time: str) -> str:
    return re.sub(r"\.\d+", "", time) if time else _NO_TIME
