"""The proxy of a request, by the variables and rules of Go's HTTP client.

HTTPS_PROXY, HTTP_PROXY and NO_PROXY, upper case first. Loopback never goes through a proxy.
"""

from __future__ import annotations

from bkagent.errors import ConfigError
from bkagent.named_tuple import NamedTuple
from bkagent.transport.client.address import Address, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Mapping, Optional


class Proxy(NamedTuple):
    """An HTTP proxy: where it is, and the Proxy-Authorization it wants ("" for none)."""

    host: str
    port: int
    authorization: str
    shown: str


class Proxies:
    """The proxies that an environment names."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._exceptions = [part.strip().lower() for part in _first(environ, "NO_PROXY").split(",") if part.strip()]

    def proxy_for(self, address: Address) -> Optional[Proxy]:
        """Return the proxy for requests to `address`, or None. Raises ConfigError for a value that cannot be used."""
        name = "HTTPS_PROXY" if address.scheme == "https" else "HTTP_PROXY"
        if name == "HTTP_PROXY" and self._environ.get("REQUEST_METHOD"):
            return None  # a CGI script: there the variable is a request header of its client
        value = _first(self._environ, name)
        if not value or self._excepted(address.host, address.port):
            return None
        return _parse_proxy(value, name)

    def _excepted(self, host: str, port: int) -> bool:
        host = host.lower().rstrip(".")
        number = _as_ip(host)
        if host == "localhost" or (number is not None and number.is_loopback):  # type: ignore[attr-defined]
            return True
        return any(_matches(rule, host, port, number) for rule in self._exceptions)


def _first(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name) or environ.get(name.lower()) or ""


def _parse_proxy(value: str, name: str) -> Proxy:
    at = parse(value if "://" in value else "http://" + value, f"proxy in {name}")
    if at.scheme != "http":
        raise ConfigError(f"the proxy in {name} must be an http:// URL: proxies reached over TLS are not supported yet")
    authorization = ""
    if at.userinfo:
        from base64 import b64encode
        from urllib.parse import unquote_to_bytes

        user, _, password = at.userinfo.partition(":")
        pair = unquote_to_bytes(user) + b":" + unquote_to_bytes(password)
        authorization = "Basic " + b64encode(pair).decode("ascii")
    return Proxy(at.host, at.port, authorization, f"http://{at.authority}")


def _matches(rule: str, host: str, port: int, number: object) -> bool:
    if rule == "*":
        return True
    if "/" in rule:
        return number is not None and _in_network(number, rule)
    name, rule_port = _split_port(rule)
    if rule_port and rule_port != str(port):
        return False
    rule_number = _as_ip(name.strip("[]"))
    if rule_number is not None:
        return rule_number == number
    if name.startswith("*."):
        name = name[1:]
    if name.startswith("."):
        return host.endswith(name)
    return host == name or host.endswith("." + name)


def _split_port(rule: str) -> "List[str]":
    name, colon, port = rule.rpartition(":")
    if colon and port.isdigit() and (":" not in name or name.endswith("]")):
        return [name, port]
    return [rule, ""]


def _as_ip(text: str) -> Optional[object]:
    if not text[-1:].isdigit() and ":" not in text:
        return None  # no import for names
    from ipaddress import ip_address

    try:
        return ip_address(text)
    except ValueError:
        return None


def _in_network(number: object, rule: str) -> bool:
    from ipaddress import ip_network

    try:
        return number in ip_network(rule, strict=False)
    except (ValueError, TypeError):
        return False
