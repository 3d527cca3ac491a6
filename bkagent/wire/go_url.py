"""Parse and format URLs as Go's `net/url` does: what the reference accepts, refuses and shows.

`urllib.parse` takes what that refuses (a space in a host, an invalid escape), refuses what that takes, and changes
the case of hosts. Source of the rules: RFC 3986; RFC 6874 for zones; https://pkg.go.dev/net/url.
"""

import re
from typing import Optional

from bkagent.named_tuple import NamedTuple

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?=:)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_USER = re.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*")
_PORT = re.compile(r"(?::[0-9]*)?")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2}).{0,2}", re.DOTALL)
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")

# What stands without an escape in each part.
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~")
_IN_HOST = _UNRESERVED | frozenset("!$&'()*+,;=:[]<>\"")
_IN_USER = _UNRESERVED | frozenset("$&+,;=")
_IN_PATH = _UNRESERVED | frozenset("$&+,/:;=@")
_IN_SEGMENT = _UNRESERVED | frozenset("$&+:=@")
_IN_FRAGMENT = _UNRESERVED | frozenset("$&+,/:;=?@!()*")
# What may also stand as it came in a path or a fragment.
_LEFT_ALONE = frozenset("!$&'()*+,;=:@[]%")


class BadUrl(ValueError):
    """The text is not a URL. The message says why."""


class Url(NamedTuple):
    """The parts, without their escapes but for `opaque`, `query` and what begins with `raw_`.

    `user` and `password` are None if missing, which differs from an empty one.
    """

    scheme: str = ""
    opaque: str = ""
    user: Optional[str] = None
    password: Optional[str] = None
    host: str = ""
    path: str = ""
    query: str = ""
    fragment: str = ""
    raw_path: str = ""
    raw_fragment: str = ""

    @property
    def authentication(self) -> str:
        """User and password as they stand before the `@` of a URL."""
        password = "" if self.password is None else ":" + _escape(self.password, _IN_USER)
        return _escape(self.user or "", _IN_USER) + password

    def with_password(self, password: str) -> str:
        """Return a URL that has a host as one text, with another password."""
        user = f"{_escape(self.user or '', _IN_USER)}:{_escape(password, _IN_USER)}@"
        path = _original_form(self.raw_path, self.path, _IN_PATH)
        fragment = "#" + _original_form(self.raw_fragment, self.fragment, _IN_FRAGMENT) if self.fragment else ""
        scheme = self.scheme + ":" if self.scheme else ""
        return f"{scheme}//{user}{_escape(self.host, _IN_HOST)}{path}{self.query}{fragment}"


def parse(text: str) -> Url:
    """Return the parts of a URL, which may lack a scheme, a host or both. Raises BadUrl.

    The query has its question mark.
    """
    address, _, raw_fragment = text.partition("#")
    url = _parse_address(address)
    return url._replace(fragment=_unescape(raw_fragment), raw_fragment=raw_fragment) if raw_fragment else url


def escape_path(path: str) -> str:
    """Return a path as it stands in a URL."""
    return _escape(path, _IN_PATH)


def escape_segment(text: str) -> str:
    """Return a text as one step of a URL's path: its slashes are escaped, too."""
    return _escape(text, _IN_SEGMENT)


def _parse_address(text: str) -> Url:
    if _CONTROL.search(text):
        raise BadUrl("invalid control character in URL")
    if text.startswith(":"):
        raise BadUrl("missing protocol scheme")
    match = _SCHEME.match(text)
    scheme = match.group().lower() if match else ""
    rest, mark, query = (text[match.end() + 1 :] if match else text).partition("?")
    url = Url(scheme, query=mark + query)
    if not rest.startswith("/"):
        if scheme:
            return url._replace(opaque=rest)
        if ":" in rest.partition("/")[0]:
            raise BadUrl("first path segment in URL cannot contain colon")
    if rest.startswith("//") and (scheme or not rest.startswith("///")):
        authority, slash, path = rest[2:].partition("/")
        rest = slash + path
        url = _with_authority(url, authority)
    return url._replace(path=_unescape(rest), raw_path=rest)


def _with_authority(url: Url, authority: str) -> Url:
    userinfo, at, host = authority.rpartition("@")
    url = url._replace(host=_host(url.scheme, host))
    if not at:
        return url
    if not _USER.fullmatch(userinfo):
        raise BadUrl("invalid userinfo")
    user, colon, password = userinfo.partition(":")
    return url._replace(user=_unescape(user), password=_unescape(password) if colon else None)


def _host(scheme: str, host: str) -> str:
    opening = host.rfind("[")
    if opening > 0:
        raise BadUrl("invalid IP-literal")
    if opening == 0:
        return _ip_literal(host)
    # Only of the web's schemes there must be one colon. Those of databases list several hosts, each with its port.
    name, colon, port = host.partition(":") if scheme in ("http", "https") else host.rpartition(":")
    _check_port(colon + port if name or colon else "")
    return _unescape_host(host)


def _ip_literal(host: str) -> str:
    # Loaded here: few hosts are numbers.
    from ipaddress import AddressValueError, IPv6Address

    name, bracket, port = host[1:].rpartition("]")
    if not bracket:
        raise BadUrl("missing ']' in host")
    _check_port(port)
    numbers, mark, zone = name.partition("%25")
    number = _unescape_host(numbers)
    if mark:
        zone = _unescape_zone(mark + zone)
    address, percent, scope = (number + zone).partition("%")
    try:
        IPv6Address(address)
    except AddressValueError:
        raise BadUrl("invalid host") from None
    if percent and not scope:
        raise BadUrl("invalid host")
    return f"[{number}{zone}]{port}"


def _check_port(port: str) -> None:
    if not _PORT.fullmatch(port):
        raise BadUrl(f'invalid port "{port}" after host')


def _unescape_host(text: str) -> str:
    """Resolve the escapes of a host: only letters beyond ASCII may have one, and the percent sign."""
    for digits in _ESCAPE.findall(text):
        if int(digits, 16) < 0x80 and digits != "25":
            raise BadUrl(f'invalid URL escape "%{digits}"')
    _check_letters(text)
    return _unescape(text)


def _unescape_zone(text: str) -> str:
    for digits in _ESCAPE.findall(text):
        char = chr(int(digits, 16))
        if digits != "25" and char != " " and char not in _IN_HOST:
            raise BadUrl(f'invalid URL escape "%{digits}"')
    _check_letters(text)
    return _unescape(text)


def _check_letters(text: str) -> None:
    _check_escapes(text)
    for letter in text:
        if letter < "\x80" and letter != "%" and letter not in _IN_HOST:
            raise BadUrl(f'invalid character "{letter}" in host name')


def _check_escapes(text: str) -> None:
    broken = _BAD_ESCAPE.search(text)
    if broken:
        raise BadUrl(f'invalid URL escape "{broken.group()}"')


def _unescape(text: str) -> str:
    _check_escapes(text)
    if "%" not in text:
        return text
    from urllib.parse import unquote_to_bytes  # here: few addresses have escapes

    return unquote_to_bytes(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")


def _escape(text: str, plain: "frozenset[str]") -> str:
    if all(letter in plain for letter in text):
        return text
    codes = text.encode("utf-8", "surrogateescape")
    return "".join(chr(code) if chr(code) in plain else f"%{code:02X}" for code in codes)


def _original_form(raw: str, text: str, plain: "frozenset[str]") -> str:
    """Return a part with the escapes it came with, unless some are missing."""
    return raw if all(letter in plain or letter in _LEFT_ALONE for letter in raw) else _escape(text, plain)
