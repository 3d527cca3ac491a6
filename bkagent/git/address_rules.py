"""What makes an address unfit whatever is allowed, and the address that git uses."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

LONGEST_CHARACTERS = 2000
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)(.*)", re.DOTALL)
_HELPER = re.compile(r"([A-Za-z0-9][A-Za-z0-9+.-]*)::(.*)", re.DOTALL)
# git takes what has a colon before its first slash for ssh's short form; one letter may be a drive of Windows.
_SHORT = re.compile(r"((?:[^/:\[]*\[[^\]/]*\][^/:]*)|[^/:]{2,}):(.*)", re.DOTALL)
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_RUNS_PROGRAMS = ("ext", "fd")
# git leaves these to curl. Of all other URLs it resolves the escapes first and looks for the host then.
_READ_BY_CURL = ("http", "https")
# What git takes for a host's end, or its brackets, before the `@` too. Source: host_end in git's connect.c.
_GITS_DELIMITERS = b"/[]"
_BRACKETED = re.compile(r"\[([^][]*)\](?::[0-9]*)?")
# Characters that mean the same with and without an escape. Source: RFC 3986, section 2.3.
_UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~"
# What splits an address. A host in which a compatibility form of one of them hides is another host to some programs.
_DELIMITERS = "/?#@:\\."


class _Parts(NamedTuple):
    scheme: str
    authority: str
    path: str


def unfit_reason(address: str) -> str:
    """Return why the address is refused whatever is allowed, as the rest of "the address …"; "" if it is acceptable.

    Two programs must not interpret it differently: so no control characters, no segments `.` and `..`, no escaped
    slashes and dots, one user at most.
    """
    if len(address) > LONGEST_CHARACTERS:
        return f"is longer than {LONGEST_CHARACTERS} characters"
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in address):
        return "contains a control character"
    if address.startswith("-"):
        return "starts with a dash, like an option"
    helper = _HELPER.fullmatch(address)
    if helper:
        if helper[1].lower() in _RUNS_PROGRAMS:
            return f"uses the transport {helper[1]}::, which can run any program"
        return unfit_reason(helper[2])
    parts = _split(address)
    if parts.scheme.lower() in _RUNS_PROGRAMS:
        return f"uses the transport {parts.scheme}, which can run any program"
    return _unfit_user(parts) or _unfit_authority(parts) or _unfit_path(parts)


def address_in_use(address: str) -> str:
    """Return the address as git and its servers interpret it: escapes of plain characters are resolved.

    Its form does not change, so that a pattern for the one matches the other.
    """
    return _ESCAPE.sub(_plain_character, address)


def without_user(address: str) -> str:
    """Return the address without the user, and password, before its host."""
    helper = _HELPER.fullmatch(address)
    if helper:
        return f"{helper[1]}::{without_user(helper[2])}"
    parts = _split(address)
    host = parts.authority.rpartition("@")[2]
    if parts.scheme:
        return f"{parts.scheme}://{host}{parts.path}"
    return f"{host}:{parts.path}" if parts.authority else address


def _split(address: str) -> _Parts:
    """Return the parts; the short form of ssh has no scheme, a path has no authority either."""
    url = _URL.fullmatch(address)
    if url:
        return _Parts(url[1], url[2], url[3])
    short = _SHORT.fullmatch(address)
    return _Parts("", short[1], short[2]) if short else _Parts("", "", address)


def _unfit_user(parts: _Parts) -> str:
    if parts.scheme.lower() in _READ_BY_CURL:
        return ""
    bracketed = _BRACKETED.fullmatch(parts.authority)  # `[user@host:port]` is one more form of ssh's
    user, _, host = (bracketed[1] if bracketed else parts.authority).rpartition("@")
    escaped = _escaped(user)
    if escaped & set(_GITS_DELIMITERS) or any(map(_is_control, escaped)):
        return "has an escape in its user that programs read as a delimiter"
    if "[" in user or "]" in user or (set(host) & set("[]") and not _BRACKETED.fullmatch(host)):
        return "has brackets that are not around its host"
    return ""


def _unfit_authority(parts: _Parts) -> str:
    host = parts.authority.rpartition("@")[2]
    if parts.authority.count("@") > 1 or (parts.scheme and parts.path[:1] in ("?", "#")):
        return "is ambiguous about where its host ends"
    if "\\" in parts.authority or (parts.authority and "\\" in parts.path):
        return "contains a backslash"
    if "%" in host:
        return "has an escape in its host"
    if host.startswith("-"):
        return "has a host that starts with a dash, like an option"
    if not host.isascii() and any(
        character in _DELIMITERS for letter in host if not letter.isascii() for character in _compatible(letter)
    ):
        return "has a character in its host that programs read as a delimiter"
    return ""


def _unfit_path(parts: _Parts) -> str:
    path = parts.path.replace("\\", "/")
    escaped = _escaped(path)
    if escaped & set(b"/\\."):
        return "contains an escaped slash or dot"
    if any(map(_is_control, escaped)):
        return "contains an escaped control character"
    # Some servers drop what follows a semicolon, some blanks at the end, after they have resolved the escapes.
    plain = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), path)
    segments = [segment.partition(";")[0].strip(" ") for segment in re.split(r"[/?#]", plain)]
    if "." in segments or ".." in segments:
        return 'contains a segment "." or ".."'
    return ""


def _escaped(text: str) -> "set[int]":
    return {int(digits, 16) for digits in _ESCAPE.findall(text)}


def _is_control(code: int) -> bool:
    return code < 0x20 or code == 0x7F


def _compatible(letter: str) -> str:
    return unicodedata.normalize("NFKC", letter)


def _plain_character(match: "re.Match[str]") -> str:
    character = chr(int(match[1], 16))
    return character if character in _UNRESERVED else match[0]
