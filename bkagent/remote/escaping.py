"""Escape parts of paths and queries as servers of this protocol expect. On the short path."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping

_ALWAYS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~"
_IN_SEGMENT = frozenset((_ALWAYS + "$&+:=@").encode("ascii"))
_IN_PATH = frozenset((_ALWAYS + ".$&+,/:;=@").encode("ascii"))
_IN_HOST = frozenset((_ALWAYS + ".!$&'()*+,;=:[]<>\"").encode("ascii"))
_IN_QUERY = frozenset((_ALWAYS + ".").encode("ascii"))


def segment(text: str) -> str:
    """Return `text` as one segment of a path. A dot becomes %2E, which Rails would otherwise take for a format."""
    return _escape(text, _IN_SEGMENT)


def https(host: str, path: str) -> str:
    """Return the https URL of a path on a host, which may name its port."""
    return f"https://{_escape(host, _IN_HOST)}{'' if path.startswith('/') else '/'}{_escape(path, _IN_PATH)}"


def query(fields: "Mapping[str, str]") -> str:
    """Return a query string, names in alphabetical order, spaces as plus signs."""
    pairs = (f"{_escape(name, _IN_QUERY)}={_escape(fields[name], _IN_QUERY)}" for name in sorted(fields))
    return "&".join(pairs).replace("%20", "+")


def without_user(url: str) -> str:
    """Return a URL for messages: without a user and a password before its host."""
    scheme, mark, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    return scheme + mark + authority.rpartition("@")[2] + slash + path


def _escape(text: str, kept: "frozenset[int]") -> str:
    data = text.encode("utf-8", "surrogateescape")
    if kept.issuperset(data):
        return text
    return "".join(chr(byte) if byte in kept else f"%{byte:02X}" for byte in data)
