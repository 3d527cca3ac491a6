"""The readers of the pages: browsers that have logged in, holders of the API token; with open pages, this machine."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from typing import Optional

from bkagent.controlplane.login.sessions import LoginSession
from bkagent.controlplane.web.context import Site
from bkagent.transport.server.request import Request
from bkagent.transport.server.request_head import HttpError

_CHALLENGE = (("WWW-Authenticate", 'Bearer realm="bkagent"'),)
_HOST = re.compile(r"(?:\[(?P<bracketed>[0-9a-fA-F:.]+)\]|(?P<name>[A-Za-z0-9.-]+))(?::\d{1,5})?")
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


def may_read(site: Site, request: Request) -> None:
    """Let a reader pass, or raise HttpError 401, with open pages 403."""
    is_known = session_of(site, request) is not None or _has_token(site, request)
    if is_known:
        request.vouch("the pages")
    if site.open_pages:
        _check_near(site, request)
    elif not is_known:
        raise HttpError(401, "log in, or send the API token as `Authorization: Bearer TOKEN`", _CHALLENGE)


def is_reader(site: Site, request: Request) -> bool:
    """Say whether a request has a session or the API token. A stream asks again while it goes on."""
    return site.open_pages or session_of(site, request) is not None or _has_token(site, request)


def session_of(site: Site, request: Request) -> Optional[LoginSession]:
    """Return the session that a request belongs to."""
    return site.sessions.of(request.headers.get("cookie", ""))


def is_loopback(address: str) -> bool:
    """Say whether an address is this machine's own."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return bool((mapped or parsed).is_loopback)


def _check_near(site: Site, request: Request) -> None:
    """Refuse readers of open pages that come through a proxy, or by a name that was made to point to this machine.

    Another site can have its name point here, and then read our answers as its own. Where a session is needed, that
    is useless: the browser has no session under that name.
    """
    if not is_loopback(request.peer) or any(name in request.headers for name in _FORWARDED):
        raise HttpError(403, "these pages are only open to this machine")
    host = _HOST.fullmatch(request.headers.get("host", ""))
    name = (host["bracketed"] or host["name"]) if host else ""
    if name.lower() != "localhost" and not is_loopback(name):
        raise HttpError(403, f"these pages are served under this machine's own name only: {site.local_url}/")


def _has_token(site: Site, request: Request) -> bool:
    scheme, text = request.authorization()
    if scheme == "bearer":
        return site.plane.tokens.is_api(text)
    if scheme != "basic":
        return False
    try:
        decoded = base64.b64decode(text, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return False
    return site.plane.tokens.is_api(decoded.partition(":")[2])
