"""Pages as one reader gets them: with the forms of a session where there is one."""

from __future__ import annotations

from dataclasses import replace

from bkagent.controlplane.web.context import Site
from bkagent.controlplane.web.ui import access, forms
from bkagent.controlplane.web.ui.layout import Frame, page
from bkagent.controlplane.web.ui.markup import Html
from bkagent.transport.server.answer import Answer
from bkagent.transport.server.request import Request
from bkagent.wire.digits import is_whole


def answer(site: Site, request: Request, frame: Frame, content: Html, *, status: int = 200) -> Answer:
    """Return a page for the reader of a request, who can log out where there is a session."""
    session = access.session_of(site, request)
    if session is not None:
        leave = forms.form(session, "/-/logout", Html("<button>Log out</button>"))
        frame = replace(frame, aside=leave, with_forms=True)
    return page(frame, content, status=status)


def events_path(site: Site, path: str) -> str:
    """Return the path of the events of a page that is about to read what it shows."""
    return f"{path}?since={site.plane.feed.revision}"


def page_number(request: Request) -> int:
    """Return which page of a list is asked for, the first for anything else."""
    text = request.value("page", "1")
    return max(int(text), 1) if is_whole(text, 8) else 1
