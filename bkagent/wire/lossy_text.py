"""Bytes that should be UTF-8 as a text, as Go's JSON writes a text that is not: U+FFFD for each byte that does not fit.

What names a file in the body of one request is found so by the bytes of another.
"""

from __future__ import annotations

import re

_ESCAPED = re.compile("[\ud800-\udfff]")


def decode(data: bytes) -> str:
    """Return the text of the bytes."""
    return replace_escaped(data.decode("utf-8", "surrogateescape"))


def replace_escaped(text: str) -> str:
    """Return a text in which bytes stand as lone surrogates with U+FFFD in their place."""
    return _ESCAPED.sub("\ufffd", text)
