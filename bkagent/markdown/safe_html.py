"""HTML from anyone to HTML that only shows things: rebuilt from what is known to be harmless, the rest dropped.

Whatever comes in, what goes out is made of the elements and attributes below, closed in order, with every text and
every value escaped anew. So nothing depends on reading broken markup the way a browser would.
"""

from __future__ import annotations

import html
import re
from typing import Callable, Dict, List, Match, Optional

# Element to the attributes that it may keep. `class` is for the colours of terminals alone.
_ALLOWED: Dict[str, "tuple[str, ...]"] = {
    **dict.fromkeys(
        ("b", "strong", "i", "em", "u", "s", "del", "ins", "sub", "sup", "kbd", "samp", "var", "tt", "small", "mark",
         "blockquote", "ul", "li", "dl", "dt", "dd", "summary", "thead", "tbody", "tfoot", "tr", "table", "caption",
         "h1", "h2", "h3", "h4", "h5", "h6", "br", "hr", "wbr", "q", "cite", "abbr"), (),
    ),
    **dict.fromkeys(("p", "div", "span", "pre", "code"), ("class",)),
    **dict.fromkeys(("td", "th"), ("align", "colspan", "rowspan")),
    "a": ("href", "title"), "img": ("src", "alt"), "ol": ("start",), "details": ("open",),
}  # fmt: skip
_VOID = ("br", "hr", "wbr", "img")
# What stands inside these is no text for people either.
_WITH_CONTENT = (
    "script", "style", "iframe", "object", "embed", "template", "title", "textarea", "noscript", "math", "svg",
    "select", "head", "xmp", "plaintext", "noembed", "noframes", "audio", "video", "canvas",
)  # fmt: skip
DEPTH = 100
# No "<" inside, not even in quotes: so the search for the end of one tag never passes the beginning of the next.
TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]{0,15})((?:[\s/](?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*)?)>")
_ATTRIBUTE = re.compile(r"([A-Za-z][A-Za-z-]{0,20})(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+)))?")
_SCHEME = re.compile(r"[\s\x00-\x20]*([A-Za-z][A-Za-z0-9+.-]*):")
_CLASS = re.compile(r"term-[a-z0-9-]{1,20}")

Resolve = Callable[[str], Optional[str]]


def safe_html(markup: str, resolve: Optional[Resolve] = None) -> str:
    """Return the harmless part of `markup`.

    Links may be relative or lead to http, https and mailto; `resolve` turns any other address into one of these, or
    None. Images become links: a page does not load from elsewhere because a text says so.
    """
    return _Rebuilder(resolve or (lambda address: None)).rebuild(markup)


class _Rebuilder:
    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._out: List[str] = []
        self._open: List[str] = []

    def rebuild(self, markup: str) -> str:
        at = 0
        while at < len(markup):
            start = markup.find("<", at)
            if start < 0:
                break
            self._text(markup[at:start])
            at = self._element(markup, start)
        self._text(markup[at:])
        self._close_down_to(0)
        return "".join(self._out)

    def _element(self, markup: str, start: int) -> int:
        """Take what begins with "<" at `start`; return where the text goes on."""
        if markup.startswith("<!--", start):
            end = markup.find("-->", start + 4)
            return len(markup) if end < 0 else end + 3
        found = TAG.match(markup, start)
        if not found:
            self._out.append("&lt;")
            return start + 1
        name = found[2].lower()
        if name in _WITH_CONTENT:
            return found.end() if found[1] else _after(markup, name, found.end())
        if name in _ALLOWED:
            if found[1]:
                self._end(name)
            else:
                self._start(name, found)
        return found.end()

    def _text(self, text: str) -> None:
        self._out.append(html.escape(html.unescape(text), quote=True))

    def _start(self, name: str, found: "Match[str]") -> None:
        given = {key.lower(): html.unescape(a or b or c) for key, a, b, c in _ATTRIBUTE.findall(found[3])}
        if name == "img":
            self._image(given)
            return
        if len(self._open) >= DEPTH:
            return
        shown = []
        for key in _ALLOWED[name]:
            value = self._value(key, given[key]) if key in given else None
            if value is not None:
                shown.append(f' {key}="{html.escape(value, quote=True)}"')
        if name == "a":
            shown.append(' rel="noopener noreferrer nofollow"')
        self._out.append(f"<{name}{''.join(shown)}>")
        if name not in _VOID:
            self._open.append(name)

    def _value(self, key: str, value: str) -> Optional[str]:
        if key in ("href", "src"):
            return self._address(value)
        if key == "class":
            return " ".join(word for word in value.split() if _CLASS.fullmatch(word)) or None
        if key == "align":
            return value if value in ("left", "center", "right") else None
        if key in ("colspan", "rowspan", "start"):
            return value if value.isascii() and value.isdigit() and len(value) < 7 else None
        return "" if key == "open" else value

    def _address(self, address: str) -> Optional[str]:
        address = address.strip()
        scheme = _SCHEME.match(address)
        if scheme is None:
            # Neither "//host" nor a backslash that browsers take for a slash: those would leave this server.
            return None if address[:2].replace("\\", "/") == "//" or address[:1] == "\\" else address
        if scheme[1].lower() in ("http", "https", "mailto"):
            return address
        found = self._resolve(address)
        return found if found is not None and not _SCHEME.match(found) else None

    def _image(self, given: Dict[str, str]) -> None:
        address = self._address(given.get("src", ""))
        shown = html.escape(given.get("alt") or "image", quote=True)
        if address and "a" not in self._open:
            target = html.escape(address, quote=True)
            shown = f'<a href="{target}" rel="noopener noreferrer nofollow">{shown}</a>'
        self._out.append(shown)

    def _end(self, name: str) -> None:
        if name in self._open:
            self._close_down_to(len(self._open) - 1 - self._open[::-1].index(name))

    def _close_down_to(self, count: int) -> None:
        while len(self._open) > count:
            self._out.append(f"</{self._open.pop()}>")


def _after(markup: str, name: str, start: int) -> int:
    """Return where the text goes on after an element that is dropped with its content."""
    found = re.compile(f"</{name}[^<>]*>", re.IGNORECASE).search(markup, start)
    return found.end() if found else len(markup)
