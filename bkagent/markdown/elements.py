"""The elements that a text may become, what they may keep, and where each may stand."""

from __future__ import annotations

from typing import Dict, Tuple

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
SECTIONS = ("thead", "tbody", "tfoot")
CELLS = ("td", "th")
VOID = ("br", "hr", "wbr")
INLINE = (
    "a", "abbr", "b", "br", "cite", "code", "del", "em", "i", "ins", "kbd", "mark", "q", "s", "samp", "small", "span",
    "strong", "sub", "sup", "tt", "u", "var", "wbr",
)  # fmt: skip
# Each of these ends a paragraph that is open, in a browser as here.
BLOCKS = (*HEADINGS, "blockquote", "details", "div", "dl", "hr", "ol", "p", "pre", "summary", "table", "ul")
# Elements that stand in certain others alone. Browsers add what is missing, or take the tag away.
PARENTS: Dict[str, Tuple[str, ...]] = {
    "li": ("ul", "ol"), "dt": ("dl",), "dd": ("dl",), "caption": ("table",), **dict.fromkeys(SECTIONS, ("table",)),
    "tr": (*SECTIONS, "table"), **dict.fromkeys(CELLS, ("tr", *SECTIONS, "table")),
}  # fmt: skip
# In these stand parts of a table alone: anything else a browser would show in front of the table.
BETWEEN_CELLS = ("table", *SECTIONS, "tr")
# What is open around one of these, no tag in it ends.
WALLS = (*CELLS, "caption", "table")
# fmt: off
ATTRIBUTES: Dict[str, Tuple[str, ...]] = {
    **dict.fromkeys((*INLINE, *BLOCKS, *PARENTS), ()),
    **dict.fromkeys(("p", "div", "span", "pre", "code"), ("class",)),
    **dict.fromkeys(CELLS, ("align", "colspan", "rowspan")),
    "a": ("href", "title"), "ol": ("start",), "details": ("open",),
}
# What stands inside these is no text for people: it goes with them where they are closed.
WITH_CONTENT = (
    "script", "style", "iframe", "object", "embed", "template", "title", "textarea", "noscript", "math", "svg",
    "select", "head", "xmp", "plaintext", "noembed", "noframes", "audio", "video", "canvas",
)
# fmt: on
