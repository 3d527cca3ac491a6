"""HTML that is safe by construction: text is escaped wherever it meets a page."""

from __future__ import annotations

import html
from typing import Dict, Iterable


class Html(str):
    """Text that is HTML already. Only this module, the log renderer and the Markdown renderer make it from text."""

    __slots__ = ()


def fill(template: str, **values: object) -> Html:
    """Return `template` with each `{name}` replaced: by the value itself if it is Html, else escaped.

    Templates put quotes around every attribute, so that an escaped value stays inside it.
    """
    texts: Dict[str, str] = {}
    for name, value in values.items():
        texts[name] = value if isinstance(value, Html) else html.escape(str(value), quote=True)
    return Html(template.format_map(texts))


def join(pieces: Iterable[Html], between: str = "\n") -> Html:
    """Return pieces of HTML one after the other."""
    return Html(between.join(pieces))


NOTHING = Html("")
