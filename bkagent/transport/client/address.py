"""The target of a request: the parts of a URL for the connection and the request line."""

from __future__ import annotations

from bkagent.errors import ConfigError
from bkagent.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

# Characters that may stand in a request target as they are; whatever else comes in a URL is percent-encoded.
_SAFE_IN_TARGET = "%/:=&?~+!$,;'@()*[]|^`{}\""
_PORTS = {"http": 80, "https": 443}
_LAST_PORT = 65535
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_DIGITS = "0123456789"
_PLAIN_HOST = _LETTERS + _DIGITS + "-."
_PLAIN_TARGET = _LETTERS + _LETTERS.upper() + _DIGITS + "-._~" + _SAFE_IN_TARGET
_HIDDEN = "[REDACTED]"
# From here on a part of a path may be a ticket and no name, if it has so long a run of letters and digits.
_TICKET_LENGTH, _RUN_LENGTH = 32, 12
_NO_LETTERS = {ord(mark): " " for mark in "-_.~=%"}


class Address(NamedTuple):
    """A URL without its fragment. `host` is without brackets; `target` starts with "/" and holds the query."""

    scheme: str
    host: str
    port: int
    target: str
    userinfo: str = ""

    @property
    def origin(self) -> "tuple[str, str, int]":
        """The key of connections that can serve the request."""
        return (self.scheme, self.host, self.port)

    @property
    def authority(self) -> str:
        """The Host header: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def shown(self) -> str:
        """The URL for messages, without credentials: user, password, query, tickets in the path."""
        parts = self.target.partition("?")[0].split("/")
        path = "/".join(_HIDDEN if _is_ticket(part) else part for part in parts)
        return f"{self.scheme}://{self.authority}{path}"

    @property
    def url(self) -> str:
        """The URL as a proxy wants it in the request line."""
        return f"{self.scheme}://{self.authority}{self.target}"


def parse(url: str, what: str = "URL") -> Address:
    """Return the parts of an http or https URL. Raises ConfigError naming `what`."""
    return parse_plain(url) or _parse_any(url, what)


def parse_plain(url: str) -> Optional[Address]:
    """Return the parts of a URL that needs no closer look, as nearly all are; None for any other."""
    scheme, _, rest = url.partition("://")
    authority, _, path = rest.partition("/")
    host, colon, digits = authority.partition(":")
    # What is left after stripping has other characters.
    if scheme not in _PORTS or not host or host.strip(_PLAIN_HOST) or path.strip(_PLAIN_TARGET):
        return None
    if not colon:
        return Address(scheme, host, _PORTS[scheme], "/" + path)
    if digits.strip(_DIGITS) or not 0 < len(digits) < 6 or not 0 < int(digits) <= _LAST_PORT:
        return None
    return Address(scheme, host, int(digits), "/" + path)


def _parse_any(url: str, what: str) -> Address:
    from urllib.parse import quote, urlsplit  # which take as long to load as all the rest of the client

    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as problem:
        raise ConfigError(f"the {what} cannot be read: {problem}") from None
    host = parts.hostname or ""
    if parts.scheme not in _PORTS or not host or any(letter <= " " for letter in host):
        raise ConfigError(f"the {what} must be an http:// or https:// URL, not {_without_secrets(url)!r}")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not target.startswith("/"):
        target = "/" + target
    userinfo = parts.netloc.rpartition("@")[0]
    return Address(parts.scheme, host, port or _PORTS[parts.scheme], quote(target, safe=_SAFE_IN_TARGET), userinfo)


def resolve(base: Address, location: str) -> Address:
    """Return where a Location header points from `base`. Raises ConfigError."""
    from urllib.parse import urljoin

    return parse(urljoin(base.url, location), "redirect's Location")


def join(endpoint: str, path: str) -> str:
    """Return the URL of `path` below `endpoint`; one slash between them, a prefix of the endpoint kept."""
    return endpoint.rstrip("/") + "/" + path.lstrip("/")


def _is_ticket(part: str) -> bool:
    is_uuid = len(part) == 36 and part.count("-") == 4
    if len(part) < _TICKET_LENGTH or is_uuid:
        return False
    runs = part.translate(_NO_LETTERS).split()
    return any(len(run) >= _RUN_LENGTH and run.isalnum() and not run.isalpha() for run in runs)


def _without_secrets(url: str) -> str:
    scheme, mark, rest = url.partition("://")
    rest = rest.partition("?")[0]
    return scheme + mark + rest.rpartition("@")[2] if mark else scheme.partition("?")[0]
