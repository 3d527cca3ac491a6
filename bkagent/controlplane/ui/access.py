"""Who may read the pages: anyone on this machine; from elsewhere, who has the API token."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re

from bkagent.controlplane.site import Site
from bkagent.transport.request import Request
from bkagent.transport.request_head import HttpError

_CHALLENGE = (("WWW-Authenticate", 'Basic realm="bkagent: any name, the API token as password", charset="UTF-8"'),)
_HOST = re.compile(r"(?:\[(?P<bracketed>[0-9a-fA-F:.]+)\]|(?P<name>[A-Za-z0-9.-]+))(?::\d{1,5})?")
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


def may_read(site: Site, request: Request) -> None:
    """Let a reader pass, or raise HttpError 401 or 403.

    A page of another site can make a browser here ask for our pages under that site's name, by letting its name
    point to this machine. So a reader without a token must also call the server by a name of this machine; and
    one who comes through a proxy is not on this machine.
    """
    if _has_token(site, request):
        request.vouch("the pages")
        return
    if not is_loopback(request.peer) or any(name in request.headers for name in _FORWARDED):
        raise HttpError(401, "from another machine these pages need the API token", _CHALLENGE)
    host = _HOST.fullmatch(request.headers.get("host", ""))
    name = (host["bracketed"] or host["name"]) if host else ""
    if name.lower() != "localhost" and not is_loopback(name):
        raise HttpError(403, f"these pages are served under the name of this machine only: {site.url}/")


def is_loopback(address: str) -> bool:
    """Say whether an address is this machine's own."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return bool((mapped or parsed).is_loopback)


def _has_token(site: Site, request: Request) -> bool:
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return site.plane.tokens.is_api(text.strip())
    if scheme.lower() != "basic":
        return False
    try:
        decoded = base64.b64decode(text.strip(), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return False
    return site.plane.tokens.is_api(decoded.partition(":")[2])
