"""Forms of the pages: what a browser sends is taken only from a form that this server gave to that very session."""

from __future__ import annotations

import hmac
from typing import Dict
from urllib.parse import parse_qsl

from bkagent.controlplane.login.sessions import LoginSession
from bkagent.controlplane.web.context import Site
from bkagent.controlplane.web.ui.access import session_of
from bkagent.controlplane.web.ui.markup import Html, fill
from bkagent.transport.request import Request
from bkagent.transport.request_head import HttpError

TOKEN_FIELD = "form_token"
_KIND = "application/x-www-form-urlencoded"
_LIMIT_BYTES = 16 * 1024
_FIELDS_COUNT = 50


def form(session: LoginSession, action: str, content: Html) -> Html:
    """Return a form of a page, which carries the session's token."""
    return fill(
        '<form method="post" action="{action}">{field}{content}</form>',
        action=action, field=token_field(session.form_token), content=content,
    )  # fmt: skip


def token_field(token: str) -> Html:
    """Return the hidden field of a form that carries a token."""
    return fill('<input type="hidden" name="{name}" value="{token}">', name=TOKEN_FIELD, token=token)


def read(request: Request) -> Dict[str, str]:
    """Return the fields of a form as they came. Raises HttpError."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _KIND:
        raise HttpError(415, f"a form is sent as {_KIND}")
    try:
        text = request.read(_LIMIT_BYTES).decode("ascii")
        return dict(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_FIELDS_COUNT))
    except ValueError:
        raise HttpError(400, "the form must be NAME=VALUE pairs of percent-encoded UTF-8") from None


def read_checked(site: Site, request: Request) -> Dict[str, str]:
    """Return the fields of a form that belongs to the browser's session. Raises HttpError 401 or 403.

    The API token is no session: a form is for browsers, programs have the REST API.
    """
    session = session_of(site, request)
    if session is None:
        raise HttpError(401, "log in first")
    request.vouch("the pages")
    fields = read(request)
    if not hmac.compare_digest(fields.get(TOKEN_FIELD, "").encode("utf-8"), session.form_token.encode()):
        raise HttpError(403, "this form has expired: reload its page")
    return fields
