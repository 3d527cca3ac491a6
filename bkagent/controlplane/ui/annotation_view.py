"""Annotations as HTML. Their Markdown comes from jobs: only what is known to be harmless becomes part of a page."""

from __future__ import annotations

from functools import lru_cache
from typing import Callable, Iterable, Optional

from bkagent.controlplane.records import Annotation
from bkagent.controlplane.site import Site
from bkagent.controlplane.terminal.lines import read_lines
from bkagent.controlplane.ui.markup import Html, fill, join
from bkagent.markdown.render import to_html

# Rendering takes time, a second or two a megabyte, and jobs decide how much there is.
PAGE_BYTES = 2 * 1024 * 1024
_STYLES = ("success", "info", "warning", "error")
_ARTIFACT = "artifact://"


def notes(site: Site, found: Iterable[Annotation]) -> Html:
    """Return annotations for a page, in the order given, as many as one page takes."""
    shown, left_bytes = [], PAGE_BYTES
    for note in found:
        left_bytes -= len(note.body)
        content = body(site, note) if left_bytes >= 0 else fill("<p>This annotation is too long for this page.</p>")
        style = note.style if note.style in _STYLES else "plain"
        shown.append(fill('<section class="note {style}">{content}</section>', style=style, content=content))
    return join(shown)


def body(site: Site, note: Annotation) -> Html:
    """Return an annotation's text as safe HTML; links to artifacts lead to the build's newest of that path."""
    if _ARTIFACT not in note.body:
        return Html(_rendered(note.body))
    return Html(to_html(note.body, fences=_FENCES, resolve=_resolver(site, note.build_id)))


def _resolver(site: Site, build_id: str) -> Callable[[str], Optional[str]]:
    paths = {}
    for artifact in site.plane.artifacts(build_id=build_id, states=("finished",)):
        paths[artifact.path.replace("\\", "/")] = artifact.id  # the last one is the newest
    base = site.build_path(site.plane.build(build_id))

    def resolve(address: str) -> Optional[str]:
        id = paths.get(address[len(_ARTIFACT) :]) if address.startswith(_ARTIFACT) else None
        return f"{base}/artifacts/{id}" if id else None

    return resolve


def _terminal(text: str) -> str:
    """Render a block of code that a terminal's output was pasted into."""
    return "\n".join(line.html for line in read_lines(text.encode("utf-8", "replace")))


_FENCES = {"term": _terminal, "terminal": _terminal}


@lru_cache(maxsize=32)
def _rendered(text: str) -> str:
    return to_html(text, fences=_FENCES)
