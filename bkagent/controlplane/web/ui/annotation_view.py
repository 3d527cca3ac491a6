"""Annotations as HTML. Their Markdown comes from jobs: only what is known to be harmless becomes part of a page."""

from __future__ import annotations

from functools import lru_cache
from typing import Iterable, Optional, Tuple

from bkagent.controlplane.records import Annotation
from bkagent.controlplane.web.context import Site
from bkagent.controlplane.web.ui.markup import Html, fill, join
from bkagent.controlplane.web.ui.terminal.lines import read_lines
from bkagent.markdown.allowance import MARKS_COUNT, Allowance
from bkagent.markdown.render import to_html

# Of the annotations of one page: their text, and the marks in it, which take time. Jobs decide how much there is.
PAGE_BYTES = 2 * 1024 * 1024
PAGE_MARKS = 2 * MARKS_COUNT
_STYLES = ("success", "info", "warning", "error")
_ARTIFACT = "artifact://"


def notes(site: Site, found: Iterable[Annotation]) -> Html:
    """Return annotations for a page, in the order given, as many as one page takes."""
    shown, left_bytes, left_marks = [], PAGE_BYTES, PAGE_MARKS
    for note in found:
        left_bytes -= len(note.body)
        if left_bytes >= 0 and left_marks > 0:
            text, marks = _body(site, note)
            content = Html(text)
            left_marks -= marks
        else:
            content = fill("<p>This annotation is too long for this page.</p>")
        style = note.style if note.style in _STYLES else "plain"
        shown.append(fill('<section class="note {style}">{content}</section>', style=style, content=content))
    return join(shown)


def body(site: Site, note: Annotation) -> Html:
    """Return an annotation's text as safe HTML; links to artifacts lead to the build's newest of that path."""
    return Html(_body(site, note)[0])


def _body(site: Site, note: Annotation) -> Tuple[str, int]:
    if _ARTIFACT not in note.body:
        return _rendered(note.body)
    paths = {}
    for artifact in site.plane.artifacts.find(build_id=note.build_id, states=("finished",)):
        paths[artifact.path.replace("\\", "/")] = artifact.id  # the last one is the newest
    return _rendered(note.body, site.build_path(site.plane.builds.get(note.build_id)), tuple(paths.items()))


@lru_cache(maxsize=32)
def _rendered(text: str, base: str = "", artifacts: Tuple[Tuple[str, str], ...] = ()) -> Tuple[str, int]:
    """Return the HTML of a text and how many marks it has. `artifacts` are paths and ids of the build at `base`."""
    ids = dict(artifacts)

    def resolve(address: str) -> Optional[str]:
        id = ids.get(address[len(_ARTIFACT) :]) if address.startswith(_ARTIFACT) else None
        return f"{base}/artifacts/{id}" if id else None

    allowance = Allowance()
    shown = to_html(text, fences=FENCES, resolve=resolve, allowance=allowance)
    return shown, MARKS_COUNT - max(allowance.left, 0)


def _terminal(text: str) -> str:
    """Render a block of code that a terminal's output was pasted into."""
    return "\n".join(line.html for line in read_lines(text.encode("utf-8", "replace")))


FENCES = {"term": _terminal, "terminal": _terminal}
