"""The frame of every page, and the headers that keep browsers from doing more than showing it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Optional, Sequence, Tuple

from bkagent.controlplane.web.ui.markup import NOTHING, Html, fill, join
from bkagent.transport.server.answer import Answer, Headers

# Nothing inline, nothing from elsewhere, nothing framed: what a job printed can only be read.
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
    "form-action {forms}; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Headers = (
    ("Content-Type", "text/html; charset=utf-8"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
)
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="/-/style.css">
{refresh}<script src="/-/live.js" defer></script>
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header><nav aria-label="Pages">{places}</nav>{aside}</header>
<main id="content" tabindex="-1" data-now="{now}"{live}>
{crumbs}{content}
</main>
</body>
</html>
"""
_WITHOUT_SCRIPTS = Html('<noscript><meta http-equiv="refresh" content="5"></noscript>\n')
BUILDS, AGENTS, QUEUES = ("Builds", "/"), ("Agents", "/-/agents"), ("Queues", "/-/queues")
_PLACES = (BUILDS, AGENTS, QUEUES)
Crumbs = Sequence[Tuple[str, str]]


@dataclass(frozen=True)
class Frame:
    """What stands around the content of a page.

    current      the place of the navigation that the page is, or belongs to; None for a page that shows none
    crumbs       (words, path) from the current place down to the page itself, which is no link
    events_path  of its live events, or ""
    aside        what stands beside the navigation
    with_forms   whether the page may send forms to this server; else it cannot send forms
    """

    title: str
    current: Optional[Tuple[str, str]] = None
    crumbs: Crumbs = ()
    events_path: str = ""
    aside: Html = NOTHING
    with_forms: bool = False


def page(frame: Frame, content: Html, *, status: int = 200) -> Answer:
    """Return a page."""
    text = fill(
        _PAGE,
        title=frame.title,
        refresh=_WITHOUT_SCRIPTS if frame.events_path else NOTHING,
        places=join([_BRAND, *(_place(frame, place) for place in _PLACES if frame.current)]),
        aside=frame.aside,
        live=fill(' data-live="{path}"', path=frame.events_path) if frame.events_path else NOTHING,
        now=int(time.time()),
        crumbs=_trail(frame.crumbs) if frame.crumbs else NOTHING,
        content=content,
    )
    policy = _POLICY.format(forms="'self'" if frame.with_forms else "'none'")
    return Answer(status, text.encode("utf-8", "replace"), (*_HEADERS, ("Content-Security-Policy", policy)))


_BRAND = Html('<span class="brand">bkagent</span>')


def _place(frame: Frame, place: Tuple[str, str]) -> Html:
    words, path = place
    mark = NOTHING
    if place == frame.current:  # the page itself, or the part that it belongs to
        mark = Html(' aria-current="true"' if frame.crumbs else ' aria-current="page"')
    return fill('<a href="{path}"{mark}>{words}</a>', path=path, mark=mark, words=words)


def _trail(crumbs: Crumbs) -> Html:
    links = [fill('<a href="{path}">{words}</a>', path=path, words=words) for words, path in crumbs[:-1]]
    last = fill('<span aria-current="page">{words}</span>', words=crumbs[-1][0])
    items = join([fill("<li>{link}</li>", link=link) for link in (*links, last)], "")
    return fill('<nav class="trail" aria-label="Breadcrumb"><ol>{items}</ol></nav>\n', items=items)
