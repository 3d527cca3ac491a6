"""HTML from anyone to HTML that only shows things: rebuilt from what is known to be harmless, the rest dropped.

Whatever comes in, what goes out is made of the elements and attributes of `elements`, each where a browser leaves it,
closed in order, with every text and every value escaped anew. So a browser that parses it has exactly these nodes, and
nothing depends on reading broken markup the way a browser would.
"""

from __future__ import annotations

import re
from typing import Dict, Iterable, List, Match, Optional

from bkagent.markdown import elements
from bkagent.markdown.addresses import Resolve, safe_address
from bkagent.markdown.characters import decoded, escaped
from bkagent.markdown.tags import MARKUP, Ends, attributes

DEPTH = 100
_BLANKS = " \t\n\r\x0c"
_CLASS = re.compile(r"term-[a-z0-9-]{1,20}")
_NUMBER = re.compile(r"[0-9]{1,9}")
_SPAN = re.compile(r"[0-9]{1,3}")
_REL = ' rel="noopener noreferrer nofollow"'


def safe_html(markup: str, resolve: Optional[Resolve] = None) -> str:
    """Return the harmless part of `markup`.

    Links may be relative or lead to http, https and mailto; `resolve` turns any other address into a path of this
    server, or None. Images become links: a page does not load from elsewhere because a text says so.
    """
    return _Rebuilder(markup, resolve).rebuild()


class _Rebuilder:
    """Reads markup tag by tag; `_open` has the elements that are open in what was written."""

    def __init__(self, markup: str, resolve: Optional[Resolve]) -> None:
        self._markup, self._resolve = markup, resolve
        self._ends = Ends(markup)
        self._out: List[str] = []
        self._open: List[str] = []

    def rebuild(self) -> str:
        markup, at = self._markup, 0
        while True:
            sign = MARKUP.search(markup, at)
            if not sign:
                break
            if sign.start() > at:
                self._write(decoded(markup[at : sign.start()]))
            at = self._take(sign)
        self._write(decoded(markup[at:]))
        self._close_down_to(0)
        return "".join(self._out)

    def _take(self, markup: "Match[str]") -> int:
        """Take a tag or a comment; return where the text goes on. What is neither becomes text."""
        if not markup[2]:
            end = self._ends.of_comment(markup.start()) if len(markup[0]) > 1 else -1
            if end < 0:
                self._write(markup[0])
            return end if end >= 0 else markup.end()
        name = markup[2].lower()
        if name in elements.WITH_CONTENT:
            end = -1 if markup[1] else self._ends.of_element(name, markup.end())
            return end if end >= 0 else markup.end()
        if markup[1]:
            self._end(name)
        elif name == "img":
            self._image(attributes(markup[3]))
        elif name in elements.ATTRIBUTES and len(self._open) < DEPTH and self._make_room(name):
            self._start(name, markup[3])
        return markup.end()

    def _write(self, text: str) -> None:
        parent = self._open[-1] if self._open else ""
        if parent == "pre" and self._out[-1].startswith("<pre"):
            text = text.lstrip("\r\n")  # a browser passes over the first one
        if parent in elements.BETWEEN_CELLS and text.strip(_BLANKS):
            self._enter_cell()
        if text:
            self._out.append(escaped(text))

    def _make_room(self, name: str) -> bool:
        """Close what a browser closes before an element, open what it opens; False where the element cannot stand."""
        parents = elements.PARENTS.get(name)
        if parents:
            depth = self._innermost(parents, elements.WALLS if "table" not in parents else ())
            if depth < 0:
                return False
            self._close_down_to(depth + 1)
            self._open_between(name)
            return True
        if name == "a" and "a" in self._open:
            depth = self._innermost(("a",), elements.WALLS)
            if depth < 0:
                return False
            self._close_down_to(depth)
        self._enter_cell()
        if name in elements.BLOCKS:
            if "p" in self._open:
                depth = self._innermost(("p",), elements.WALLS)
                if depth >= 0:
                    self._close_down_to(depth)
            if name in elements.HEADINGS and self._open and self._open[-1] in elements.HEADINGS:
                self._close_down_to(len(self._open) - 1)
        return True

    def _enter_cell(self) -> None:
        """Where only parts of a table may stand, open a cell: a browser would put its content before the table."""
        if self._open and self._open[-1] in elements.BETWEEN_CELLS:
            self._open_between("td")
            self._push("td", "")

    def _open_between(self, name: str) -> None:
        """Open the parts of a table that belong between the innermost element and one of `name`."""
        if name not in ("tr", *elements.CELLS):
            return
        if self._open[-1] == "table":
            self._push("tbody", "")
        if name != "tr" and self._open[-1] != "tr":
            self._push("tr", "")

    def _start(self, name: str, text: str) -> None:
        shown = []
        allowed = elements.ATTRIBUTES[name]
        given = attributes(text) if allowed and text else {}
        for key in allowed:
            cleaned = self._value(key, given[key]) if key in given else None
            if cleaned is not None:
                shown.append(f' {key}="{escaped(cleaned)}"')
        if name == "a":
            shown.append(_REL)
        if name in elements.VOID:
            self._out.append(f"<{name}>")
        else:
            self._push(name, "".join(shown))

    def _value(self, key: str, text: str) -> Optional[str]:
        if key == "href":
            return safe_address(text, self._resolve)
        if key == "class":
            return " ".join(word for word in text.split() if _CLASS.fullmatch(word)) or None
        if key == "align":
            return text if text in ("left", "center", "right") else None
        if key in ("colspan", "rowspan"):
            return text if _SPAN.fullmatch(text) else None
        if key == "start":
            return text if _NUMBER.fullmatch(text) else None
        return "" if key == "open" else text

    def _image(self, given: Dict[str, str]) -> None:
        self._enter_cell()
        address = safe_address(given.get("src", ""), self._resolve)
        text = given.get("alt") or "image"
        if address and "a" not in self._open:
            self._out.append(f'<a href="{escaped(address)}"{_REL}>{escaped(text)}</a>')
        else:
            self._write(text)

    def _end(self, name: str) -> None:
        if self._open and self._open[-1] == name:
            self._out.append(f"</{self._open.pop()}>")
            return
        names = elements.HEADINGS if name in elements.HEADINGS else (name,)
        if len(names) == 1 and name not in self._open:
            return
        parents = elements.PARENTS.get(name, ())
        walls = ("table",) if "table" in parents else () if name == "table" else (*elements.WALLS, *parents)
        depth = self._innermost(names, walls)
        if depth >= 0:
            self._close_down_to(depth)

    def _innermost(self, names: Iterable[str], walls: Iterable[str]) -> int:
        """Return the place of the innermost open element of `names` that stands before a wall, -1 for none."""
        for depth in range(len(self._open) - 1, -1, -1):
            if self._open[depth] in names:
                return depth
            if self._open[depth] in walls:
                break
        return -1

    def _push(self, name: str, shown: str) -> None:
        self._out.append(f"<{name}{shown}>")
        self._open.append(name)

    def _close_down_to(self, count: int) -> None:
        while len(self._open) > count:
            self._out.append(f"</{self._open.pop()}>")
