"""Where a request goes: a URL taken apart into what a connection and a request line need."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

from bkagent.errors import ConfigError

# Characters that may stand in a request target as they are; whatever else comes in a URL is percent-encoded.
_SAFE_IN_TARGET = "%/:=&?~+!$,;'@()*[]|^`{}\""
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Address:
    """A URL without its fragment. `host` is without brackets; `target` starts with "/" and holds the query."""

    scheme: str
    host: str
    port: int
    target: str
    userinfo: str = ""

    @property
    def origin(self) -> "tuple[str, str, int]":
        """What two requests share if one connection may serve both."""
        return (self.scheme, self.host, self.port)

    @property
    def authority(self) -> str:
        """The Host header: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def shown(self) -> str:
        """The URL for messages: without user, password and query, which may carry signatures."""
        return f"{self.scheme}://{self.authority}{self.target.partition('?')[0]}"

    @property
    def url(self) -> str:
        """The URL as a proxy wants it in the request line."""
        return f"{self.scheme}://{self.authority}{self.target}"


def parse(url: str, what: str = "URL") -> Address:
    """Return the parts of an http or https URL. Raises ConfigError naming `what`."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as problem:
        raise ConfigError(f"the {what} cannot be read: {problem}") from None
    host = parts.hostname or ""
    if parts.scheme not in _PORTS or not host or any(letter <= " " for letter in host):
        raise ConfigError(f"the {what} must be an http:// or https:// URL, but it is {_without_secrets(url)!r}")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not target.startswith("/"):
        target = "/" + target
    userinfo = parts.netloc.rpartition("@")[0]
    return Address(parts.scheme, host, port or _PORTS[parts.scheme], quote(target, safe=_SAFE_IN_TARGET), userinfo)


def resolve(base: Address, location: str) -> Address:
    """Return where a Location header points from `base`. Raises ConfigError."""
    return parse(urljoin(base.url, location), "redirect's Location")


def join(endpoint: str, path: str) -> str:
    """Return the URL of `path` below `endpoint`; one slash between them, a prefix of the endpoint kept."""
    return endpoint.rstrip("/") + "/" + path.lstrip("/")


def _without_secrets(url: str) -> str:
    scheme, mark, rest = url.partition("://")
    rest = rest.partition("?")[0]
    return scheme + mark + rest.rpartition("@")[2] if mark else scheme.partition("?")[0]
