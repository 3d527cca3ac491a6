"""Annotations as HTML. Their text comes from jobs: what is not known to be harmless is shown as text."""

from __future__ import annotations

from typing import Iterable

from bkagent.controlplane.records import Annotation
from bkagent.controlplane.ui.markup import Html, fill, join

_STYLES = ("success", "info", "warning", "error")


def notes(found: Iterable[Annotation]) -> Html:
    """Return annotations for a page, in the order given."""
    return join(
        fill(
            '<section class="note {style}" id="annotation-{id}">{body}</section>',
            style=note.style if note.style in _STYLES else "plain", id=note.id, body=body(note.body),
        )
        for note in found
    )  # fmt: skip


def body(text: str) -> Html:
    """Return an annotation's text as safe HTML."""
    return fill("<pre>{text}</pre>", text=text)
