"""Forms of the pages: what a browser sends is taken only from a form that this server gave to that very session."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from typing import Mapping, Tuple
from urllib.parse import parse_qs

from bkagent.controlplane.login.sessions import LoginSession
from bkagent.controlplane.web.context import Site
from bkagent.controlplane.web.ui.access import session_of
from bkagent.controlplane.web.ui.markup import NOTHING, Html, fill
from bkagent.transport.server.answer import Answer, Headers
from bkagent.transport.server.request import Request
from bkagent.transport.server.request_head import HttpError

TOKEN_FIELD = "form_token"
BACK_FIELD = "back_to"
_KIND = "application/x-www-form-urlencoded"
_LIMIT_BYTES = 16 * 1024
_FIELDS_COUNT = 50
# Of the answers to a block step, which has as many fields and options as its pipeline says.
ANSWERS_BYTES = 512 * 1024
ANSWERS_COUNT = 2000
_LOCAL_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]{0,2000}")


@dataclass(frozen=True)
class FormFields:
    """The fields of a form as they came: of each name one text or several."""

    values: Mapping[str, Tuple[str, ...]]

    def text(self, name: str) -> str:
        """Return the text of a field, the last if it came several times, "" where it is missing."""
        return self.texts(name)[-1] if self.texts(name) else ""

    def texts(self, name: str) -> Tuple[str, ...]:
        """Return every text of a field."""
        return self.values.get(name, ())


def form(session: LoginSession, action: str, content: Html, *, back_to: str = "") -> Html:
    """Return a form of a page, which carries the session's token.

    back_to  the path of the page that is shown afterwards, for handlers that ask for it
    """
    back = fill('<input type="hidden" name="{name}" value="{to}">', name=BACK_FIELD, to=back_to) if back_to else NOTHING
    return fill(
        '<form method="post" action="{action}">{field}{back}{content}</form>',
        action=action, field=token_field(session.form_token), back=back, content=content,
    )  # fmt: skip


def token_field(token: str) -> Html:
    """Return the hidden field of a form that carries a token."""
    return fill('<input type="hidden" name="{name}" value="{token}">', name=TOKEN_FIELD, token=token)


def read(request: Request, limit_bytes: int = _LIMIT_BYTES, fields_count: int = _FIELDS_COUNT) -> FormFields:
    """Return the fields of a form. Raises HttpError."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _KIND:
        raise HttpError(415, f"a form is sent as {_KIND}")
    try:
        text = request.read(limit_bytes).decode("ascii")
        lists = parse_qs(text, keep_blank_values=True, errors="strict", max_num_fields=fields_count)
    except ValueError:
        raise HttpError(400, "the form must be NAME=VALUE pairs of percent-encoded UTF-8") from None
    return FormFields({name: tuple(texts) for name, texts in lists.items()})


def read_checked(
    site: Site, request: Request, limit_bytes: int = _LIMIT_BYTES, fields_count: int = _FIELDS_COUNT
) -> FormFields:
    """Return the fields of a form that belongs to the browser's session. Raises HttpError 401 or 403.

    The API token is no session: a form is for browsers, programs have the REST API.
    """
    session = session_of(site, request)
    if session is None:
        raise HttpError(401, "log in first")
    request.vouch("the pages")
    fields = read(request, limit_bytes, fields_count)
    if not hmac.compare_digest(fields.text(TOKEN_FIELD).encode("utf-8"), session.form_token.encode()):
        raise HttpError(403, "this form has expired: reload its page")
    return fields


def refuse_when_open(site: Site) -> None:
    """Raise HttpError where every user of the machine may read the pages: then nobody may change anything by them."""
    if site.open_pages:
        raise HttpError(403, "these pages are read-only: the server was started with --open-pages")


def local_path(text: str, default: str = "/") -> str:
    """Return where to go next: a path of this server, `default` for anything else."""
    return text if _LOCAL_PATH.fullmatch(text) and not text.startswith("/-/log") else default


def see_other(path: str, headers: Headers = ()) -> Answer:
    """Lead the browser to another page of this server."""
    # Only a path: the browser may know this server under any name.
    fixed = (("Location", path), ("Referrer-Policy", "no-referrer"), ("Cache-Control", "no-store"))
    return Answer(303, b"", (*fixed, *headers))
