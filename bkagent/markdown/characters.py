"""Character references of HTML, and text that a browser reads as it is meant."""

from __future__ import annotations

import html
import re
from html.entities import html5
from typing import Match

_REFERENCE = re.compile(r"&(?:#0*([0-9]+);?|#[xX]0*([0-9a-fA-F]+);?|([A-Za-z][A-Za-z0-9]{0,31})(;?))")
# What our own escaping makes of text. None of these signs can begin a reference.
_COMMON = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&#x27;", "'"))
_LONGEST_OPEN_NAME = 6  # of those that need no semicolon
_MEANINGFUL = re.compile("[&<>\"'\r\x00\x0c\ud800-\udfff]")
# What HTML parsers change in silence, and what is no text.
_UNREADABLE = re.compile("\r\n?|[\x00\x0c\ud800-\udfff]")
_READABLE = {"\0": "\ufffd", "\x0c": " ", "\r": "\n", "\r\n": "\n"}


def decoded(text: str, *, in_attribute: bool = False) -> str:
    """Return text with its character references replaced.

    Source: https://html.spec.whatwg.org/multipage/parsing.html#character-reference-state; `html.unescape` takes
    "&copy=" in an address for a sign, and fails on numbers of thousands of digits.
    """
    if "&" not in text:
        return text
    for reference, sign in _COMMON:
        text = text.replace(reference, sign)
    if text.count("&") == text.count("&amp;"):
        return text.replace("&amp;", "&")

    def character(reference: "Match[str]") -> str:
        if not reference[3]:
            return _numbered(reference[1], 10) if reference[1] else _numbered(reference[2], 16)
        return _named(reference, in_attribute)

    return _REFERENCE.sub(character, text)


def escaped(text: str) -> str:
    """Return text for a page, safe inside elements and quoted attributes, and the same after each parsing."""
    if not _MEANINGFUL.search(text):
        return text
    return html.escape(_UNREADABLE.sub(lambda part: _READABLE.get(part[0], "\ufffd"), text), quote=True)


def _numbered(digits: str, base: int) -> str:
    number = int(digits, base) if len(digits) <= 7 else 0
    if 0x80 <= number <= 0x9F:
        return bytes([number]).decode("cp1252", "ignore") or chr(number)
    if number == 0 or number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:
        return "\ufffd"
    return chr(number)


def _named(reference: "Match[str]", in_attribute: bool) -> str:
    name = reference[3]
    if reference[4] and name + ";" in html5:
        return html5[name + ";"]
    for length in range(min(len(name), _LONGEST_OPEN_NAME), 1, -1):
        if name[:length] in html5:
            rest = reference[0][1 + length :]
            following = rest[:1] or reference.string[reference.end() : reference.end() + 1]
            if in_attribute and (following == "=" or (following.isascii() and following.isalnum())):
                break
            return html5[name[:length]] + rest
    return reference[0]
