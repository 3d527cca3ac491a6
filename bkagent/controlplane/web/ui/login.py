"""Logging in, by a link or by the API token in a form, and logging out.

Every fault of a token or a link gets the same answer. Tokens have 256 random bits: guessing is hopeless.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Tuple
from urllib.parse import urlencode

from bkagent.controlplane.login.links import PATH
from bkagent.controlplane.login.sessions import cookie_values
from bkagent.controlplane.web.context import Route, Site
from bkagent.controlplane.web.ui import forms
from bkagent.controlplane.web.ui.access import session_of
from bkagent.controlplane.web.ui.layout import Frame, page
from bkagent.controlplane.web.ui.markup import NOTHING, fill
from bkagent.transport.server.answer import Answer, Headers
from bkagent.transport.server.request import Request

_WRONG = "This token or link is invalid or has expired."
_STALE = "This form has expired, or the browser blocks cookies. Try again."
_FORM = """<h1>Log in</h1>
{note}<div class="login"><form method="post" action="{action}">{field}
<label for="token">API token</label>
<input type="password" id="token" name="token" autocomplete="current-password" required autofocus>
<button class="first">Log in</button>
</form></div>
<p class="soft">The token is in the file <code>tokens/api</code> of the server's data folder.
<code>bkagent server login-url --data DIR</code> prints a link that logs in without it.</p>"""


def show(site: Site, request: Request) -> Answer:
    """Show the form; a link with a valid secret logs in at once."""
    to = forms.local_path(request.value("to"))
    if site.open_pages:
        return forms.see_other(to)
    secret = request.value("token")
    if secret and request.method != "HEAD":  # HEAD uses no link up
        if site.login_links.redeem(secret):
            return forms.see_other(to, site.sessions.begin())
        return form_page(site, request, to, status=401, note=_WRONG)
    if session_of(site, request) is not None:
        return forms.see_other(to)
    return form_page(site, request, to)


def log_in(site: Site, request: Request) -> Answer:
    """Log in by the API token in the form."""
    forms.refuse_when_open(site)
    to = forms.local_path(request.value("to"))
    fields = forms.read(request)
    if not _is_own_form(site, request, fields.text(forms.TOKEN_FIELD)):
        return form_page(site, request, to, status=403, note=_STALE)
    if not site.plane.tokens.is_api(fields.text("token").strip()):
        return form_page(site, request, to, status=401, note=_WRONG)
    return forms.see_other(to, site.sessions.begin())


def log_out(site: Site, request: Request) -> Answer:
    """End the browser's session."""
    forms.refuse_when_open(site)
    forms.read_checked(site, request)
    return forms.see_other(PATH, site.sessions.end(request.headers.get("cookie", "")))


def form_page(site: Site, request: Request, to: str, *, status: int = 200, note: str = "") -> Answer:
    """Return the login form, which leads to the page `to`."""
    field, cookie = _form_field(site, request)
    content = fill(
        _FORM,
        note=fill('<p class="bad" role="alert">{note}</p>\n', note=note) if note else NOTHING,
        action=PATH + ("" if to == "/" else "?" + urlencode({"to": to}, safe="/")),
        field=forms.token_field(field),
    )
    return page(Frame("Log in", with_forms=True), content, status=status).with_headers(cookie)


def _form_field(site: Site, request: Request) -> "Tuple[str, Headers]":
    """Return the field of a login form, and the header that sets its cookie if the browser lacks it.

    There is no session yet whose token it could carry, so the field and the cookie prove each other.
    """
    nonces = cookie_values(request.headers.get("cookie", ""), _form_cookie(site))
    if nonces:
        return _mark(site, nonces[0]), ()
    nonce = secrets.token_hex(32)
    return _mark(site, nonce), (("Set-Cookie", f"{_form_cookie(site)}={nonce}{site.sessions.attributes}"),)


def _is_own_form(site: Site, request: Request, field: str) -> bool:
    sent, nonces = (
        field.encode("utf-8", "replace"),
        cookie_values(request.headers.get("cookie", ""), _form_cookie(site)),
    )
    return any(hmac.compare_digest(sent, _mark(site, nonce).encode()) for nonce in nonces)


def _form_cookie(site: Site) -> str:
    return site.sessions.cookie_name + "_form"


def _mark(site: Site, nonce: str) -> str:
    return hmac.new(site.login_links.key.encode(), b"login form\0" + nonce.encode(), hashlib.sha256).hexdigest()


ROUTES: "Tuple[Route, ...]" = (("GET", PATH, show), ("POST", PATH, log_in), ("POST", "/-/logout", log_out))
