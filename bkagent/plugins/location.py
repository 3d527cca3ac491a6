"""The address of a plugin, read as Go reads a URL: `docker`, `acme/x`, `ssh://git@host/x.git`, `./own`, `/folder`."""

import re
from typing import NamedTuple
from urllib.parse import unquote

from bkagent.wire.go_quoted import quoted

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?=:)")
_USER = re.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


class BadPlugins(ValueError):
    """BUILDKITE_PLUGINS does not say what plugins to use. The text says where."""


class Location(NamedTuple):
    """`path` is host and path; a query is dropped. Empty where the text only looks like `scheme:something`."""

    scheme: str
    authentication: str
    path: str


def parse(text: str) -> Location:
    """Return the parts of an address without its version. Raises BadPlugins."""
    if any(ord(letter) < 32 or letter == "\x7f" for letter in text):
        raise BadPlugins(f"parse {quoted(text)}: invalid control character in URL")
    if text.startswith(":"):
        raise BadPlugins(f"parse {quoted(text)}: missing protocol scheme")
    found = _SCHEME.match(text)
    scheme = found.group().lower() if found else ""
    rest = text[len(scheme) + 1 :] if found else text
    rest = rest.partition("?")[0]
    if not rest.startswith("/"):
        if scheme:
            return Location(scheme, "", "")
        if ":" in rest.split("/", 1)[0]:
            raise BadPlugins(f"parse {quoted(text)}: first path segment in URL cannot contain colon")
    authentication = host = ""
    if rest.startswith("//") and (scheme or not rest.startswith("///")):
        authority, slash, path = rest[2:].partition("/")
        authentication, host = _authority(text, authority)
        rest = slash + path
    if _BAD_ESCAPE.search(rest):
        raise BadPlugins(f"parse {quoted(text)}: invalid URL escape")
    return Location(scheme, authentication, host + unquote(rest, errors="surrogateescape"))


def _authority(text: str, authority: str) -> "tuple[str, str]":
    authentication, _, host = authority.rpartition("@")
    if not _USER.fullmatch(authentication) or _BAD_ESCAPE.search(authentication):
        raise BadPlugins(f"parse {quoted(text)}: invalid userinfo")
    _, colon, port = host[host.rfind("]") + 1 :].rpartition(":")
    if colon and not re.fullmatch(r"[0-9]*", port):
        raise BadPlugins(f'parse {quoted(text)}: invalid port ":{port}" after host')
    return authentication, host
