"""The frame of every page, and the headers that keep browsers from doing more than showing it."""

from __future__ import annotations

from typing import Sequence, Tuple

from bkagent.controlplane.web.ui.markup import NOTHING, Html, fill, join
from bkagent.transport.answer import Answer, Headers

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
<header><nav>{crumbs}</nav>{aside}</header>
<main{live}>
{content}
</main>
</body>
</html>
"""
_WITHOUT_SCRIPTS = Html('<noscript><meta http-equiv="refresh" content="5"></noscript>\n')
Crumbs = Sequence[Tuple[str, str]]


def page(
    title: str, crumbs: Crumbs, content: Html, *, events_path: str = "", status: int = 200, aside: Html = NOTHING,
    with_forms: bool = False,
) -> Answer:  # fmt: skip
    """Return a page.

    crumbs       (words, path) from the top down
    events_path  of its live events, or ""
    aside        what stands beside the crumbs
    with_forms   whether the page may send forms to this server; else it cannot send forms
    """
    links = [fill('<a href="{path}">{words}</a>', path=path, words=words) for words, path in crumbs]
    text = fill(
        _PAGE,
        title=title,
        refresh=_WITHOUT_SCRIPTS if events_path else NOTHING,
        crumbs=join(links, ' <span class="sep">&#8250;</span> '),
        aside=aside,
        live=fill(' data-live="{path}"', path=events_path) if events_path else NOTHING,
        content=content,
    )
    policy = _POLICY.format(forms="'self'" if with_forms else "'none'")
    return Answer(status, text.encode("utf-8", "replace"), (*_HEADERS, ("Content-Security-Policy", policy)))
