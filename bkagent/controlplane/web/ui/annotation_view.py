"""Annotations as HTML. Their Markdown comes from jobs: only elements known to be harmless become part of a page."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Iterable, Optional, Tuple

from bkagent.controlplane.attachments import Annotation
from bkagent.controlplane.web.context import Site
from bkagent.controlplane.web.ui.markup import NOTHING, Html, fill, join
from bkagent.controlplane.web.ui.terminal.lines import read_lines
from bkagent.markdown.allowance import MARKS_COUNT, Allowance
from bkagent.markdown.render import to_html

# Of the annotations of one page: their text, and the marks in it, which take time. Jobs decide how much there is.
PAGE_BYTES = 2 * 1024 * 1024
PAGE_MARKS = 2 * MARKS_COUNT
_STYLES = ("success", "info", "warning", "error")
_ARTIFACT = "artifact://"
_HEADING = re.compile("<(/?)h([1-6])>")
_PAGE_LEVEL = 2  # of the heading above annotations


def sections(site: Site, annotations: Iterable[Annotation]) -> Html:
    """Return annotations for a page, in the order given, as many as one page takes."""
    pieces, left_bytes, left_marks = [], PAGE_BYTES, PAGE_MARKS
    for annotation in annotations:
        left_bytes -= len(annotation.body)
        if left_bytes >= 0 and left_marks > 0:
            text, marks = _body(site, annotation)
            content = Html(_below_page(text))
            left_marks -= marks
        else:
            content = fill("<p>This annotation is too long for this page.</p>")
        style = annotation.style if annotation.style in _STYLES else "plain"
        pieces.append(
            fill(
                '<section class="note {style}" id="{id}">{content}</section>',
                style=style,
                id=annotation.id,
                content=content,
            )
        )
    return join([Html('<h2 class="hidden">Annotations</h2>'), *pieces]) if pieces else NOTHING


def _below_page(text: str) -> str:
    """Return HTML with its headings below those of a page, none more than a level below the one before."""
    levels = [_PAGE_LEVEL]

    def move(match: "re.Match[str]") -> str:
        if not match[1]:
            levels.append(min(max(int(match[2]) + 1, _PAGE_LEVEL + 1), levels[-1] + 1, 6))
        return f"<{match[1]}h{levels[-1]}>"

    return _HEADING.sub(move, text)


def body(site: Site, annotation: Annotation) -> Html:
    """Return an annotation's text as safe HTML; links to artifacts lead to the build's newest of that path."""
    return Html(_body(site, annotation)[0])


def _body(site: Site, annotation: Annotation) -> Tuple[str, int]:
    if _ARTIFACT not in annotation.body:
        return _render(annotation.body)
    paths = {}
    for artifact in site.plane.artifacts.find(build_id=annotation.build_id, states=("finished",)):
        paths[artifact.path.replace("\\", "/")] = artifact.id  # the last one is the newest
    return _render(annotation.body, site.build_path(site.plane.builds.get(annotation.build_id)), tuple(paths.items()))


@lru_cache(maxsize=32)
def _render(text: str, base: str = "", artifacts: Tuple[Tuple[str, str], ...] = ()) -> Tuple[str, int]:
    """Return the HTML of a text and how many marks it has. `artifacts` are paths and ids of the build at `base`."""
    ids = dict(artifacts)

    def resolve(address: str) -> Optional[str]:
        id = ids.get(address[len(_ARTIFACT) :]) if address.startswith(_ARTIFACT) else None
        return f"{base}/artifacts/{id}" if id else None

    allowance = Allowance()
    html = to_html(text, fences=FENCES, resolve=resolve, allowance=allowance)
    return html, MARKS_COUNT - max(allowance.left, 0)


def _terminal(text: str) -> str:
    """Render a block of code that a terminal's output was pasted into."""
    return "\n".join(line.html for line in read_lines(text.encode("utf-8", "replace")))


FENCES = {"term": _terminal, "terminal": _terminal}
