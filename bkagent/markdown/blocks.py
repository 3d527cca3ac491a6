"""The blocks of a text: headings, paragraphs, lists, quotes, code, tables, HTML; CommonMark's rules in short."""

from __future__ import annotations

import html
import re
from typing import Callable, List, Mapping

from bkagent.markdown import tables
from bkagent.markdown.inline import inline

DEPTH = 20
Fences = Mapping[str, Callable[[str], str]]

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})\s*([^`\s]*)[^`]*$")
_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))??(?:[ \t]+#+)?[ \t]*$")
_RULE = re.compile(r" {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$")
_QUOTE = re.compile(r" {0,3}> ?")
_ITEM = re.compile(r"( {0,3})([-*+]|(\d{1,9})[.)])( {1,4}(?! )| (?= )|$)")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_HTML = re.compile(
    r" {0,3}</?(?:address|article|aside|blockquote|center|details|dialog|dd|dir|div|dl|dt|fieldset|figcaption|figure|"
    r"footer|form|h[1-6]|head|header|hr|html|iframe|legend|li|main|nav|noframes|ol|option|p|pre|script|section|style|"
    r"summary|table|tbody|td|textarea|tfoot|th|thead|title|tr|ul)(?=[\s/>]|$)|<!--",
    re.IGNORECASE,
)
_VERBATIM = re.compile(r" {0,3}<(pre|script|style|textarea)(?=[\s>]|$)", re.IGNORECASE)


def blocks(lines: List[str], fences: Fences, depth: int = 0) -> List[str]:
    """Return the HTML of each block of `lines`. `fences` render fenced code of their language."""
    return _Blocks(lines, fences, depth).read()


class _Blocks:
    def __init__(self, lines: List[str], fences: Fences, depth: int) -> None:
        self._lines, self._fences, self._depth = lines, fences, depth
        self._at = 0
        self._out: List[str] = []

    def read(self) -> List[str]:
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if not line.strip():
                self._at += 1
            elif not self._special(line):
                self._paragraph()
        return self._out

    def _special(self, line: str) -> bool:
        """Take a block that its first line tells; False for a paragraph."""
        if line.startswith("    "):
            self._indented()
        elif _FENCE.match(line):
            self._fenced(line)
        elif _HEADING.match(line):
            self._heading(line)
        elif _RULE.match(line):
            self._at += 1
            self._out.append("<hr>")
        elif _HTML.match(line):
            self._html(line)
        elif self._depth < DEPTH and _QUOTE.match(line):
            self._quote()
        elif self._depth < DEPTH and _ITEM.match(line):
            self._list(line)
        else:
            return False
        return True

    def _indented(self) -> None:
        taken: List[str] = []
        while self._at < len(self._lines) and (
            self._lines[self._at].startswith("    ") or not self._lines[self._at].strip()
        ):
            taken.append(self._lines[self._at][4:])
            self._at += 1
        self._out.append(f"<pre><code>{html.escape(_text(taken).rstrip())}</code></pre>")

    def _fenced(self, line: str) -> None:
        opening = _FENCE.match(line)
        assert opening is not None
        fence, language = opening[1], opening[2].lower()
        indent = len(line) - len(line.lstrip(" "))
        closing = re.compile(rf" {{0,3}}{re.escape(fence[0])}{{{len(fence)},}}[ \t]*$")
        taken: List[str] = []
        self._at += 1
        while self._at < len(self._lines) and not closing.match(self._lines[self._at]):
            content = self._lines[self._at]
            blanks = len(content) - len(content.lstrip(" "))
            taken.append(content[min(indent, blanks) :])
            self._at += 1
        self._at += 1
        render = self._fences.get(language)
        shown = render(_text(taken)) if render else html.escape(_text(taken))
        self._out.append(f"<pre><code>{shown}</code></pre>")

    def _heading(self, line: str) -> None:
        found = _HEADING.match(line)
        assert found is not None
        self._at += 1
        level = len(found[1])
        self._out.append(f"<h{level}>{inline((found[2] or '').strip())}</h{level}>")

    def _html(self, line: str) -> None:
        """Take HTML up to a blank line; what must be taken verbatim, up to its end."""
        verbatim = _VERBATIM.match(line)
        ending = f"</{verbatim[1].lower()}" if verbatim else "-->" if line.lstrip().startswith("<!--") else ""
        taken: List[str] = []
        while self._at < len(self._lines):
            content = self._lines[self._at]
            if not ending and not content.strip():
                break
            taken.append(content)
            self._at += 1
            if ending and ending in content.lower():
                break
        self._out.append("\n".join(taken))

    def _quote(self) -> None:
        taken: List[str] = []
        while self._at < len(self._lines):
            line = self._lines[self._at]
            found = _QUOTE.match(line)
            if not found and (not line.strip() or self._interrupts(line)):
                break
            taken.append(line[found.end() :] if found else line)
            self._at += 1
        self._out.append("<blockquote>\n" + "\n".join(blocks(taken, self._fences, self._depth + 1)) + "\n</blockquote>")

    def _list(self, line: str) -> None:
        first = _ITEM.match(line)
        assert first is not None
        kind = first[2][-1]
        items: List[List[str]] = []
        loose = False
        while self._at < len(self._lines):
            found = _ITEM.match(self._lines[self._at])
            if not found or found[2][-1] != kind or _RULE.match(self._lines[self._at]):
                break
            item, blank_inside, blank_after = self._item(found.end() if found[4] else found.end() + 1)
            items.append(item)
            following = _ITEM.match(self._lines[self._at]) if self._at < len(self._lines) else None
            loose = loose or blank_inside or bool(blank_after and following and following[2][-1] == kind)
        name = "ol" if first[3] else "ul"
        start = f' start="{int(first[3])}"' if first[3] and int(first[3]) != 1 else ""
        shown = "\n".join(f"<li>{self._item_html(item, loose)}</li>" for item in items)
        self._out.append(f"<{name}{start}>\n{shown}\n</{name}>")

    def _item(self, indent: int) -> "tuple[List[str], bool, bool]":
        """Take one item; return its lines, whether a blank line is inside it, and whether one came after it."""
        taken = [self._lines[self._at][indent:]]
        self._at += 1
        blanks, blank_inside = 0, False
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if not line.strip():
                blanks += 1
            elif line.startswith(" " * indent):
                taken += [""] * blanks
                # Blank lines between the blocks of a nested list make that one loose, not this.
                blank_inside = blank_inside or (blanks > 0 and not line[indent:].startswith(" "))
                blanks = 0
                taken.append(line[indent:])
            elif blanks or _ITEM.match(line) or self._interrupts(line) or not taken[-1].strip():
                break
            else:
                taken.append(line.lstrip(" "))  # a paragraph that goes on without its indentation
            self._at += 1
        return taken, blank_inside, blanks > 0

    def _item_html(self, lines: List[str], loose: bool) -> str:
        task = re.match(r"\[([ xX])\] ", lines[0]) if lines else None
        box = ""
        if task:
            box = "\u2611 " if task[1] != " " else "\u2610 "
            lines = [lines[0][4:], *lines[1:]]
        inner = blocks(lines, self._fences, self._depth + 1)
        if not loose:
            inner = [piece[3:-4] if piece.startswith("<p>") and piece.endswith("</p>") else piece for piece in inner]
        return box + "\n".join(inner)

    def _paragraph(self) -> None:
        taken: List[str] = []
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if not line.strip():
                break
            underline = _UNDERLINE.match(line) if taken else None
            if underline:
                self._at += 1
                level = 1 if underline[1][0] == "=" else 2
                self._out.append(f"<h{level}>{inline(_stripped(taken))}</h{level}>")
                return
            if taken and self._interrupts(line):
                break
            found = None if taken else tables.read(self._lines, self._at)
            if found is not None:
                shown, self._at = found
                self._out.append(shown)
                return
            taken.append(line)
            self._at += 1
        self._out.append(f"<p>{inline(_stripped(taken))}</p>")

    def _interrupts(self, line: str) -> bool:
        """Say whether a line begins another block although a paragraph is under way."""
        found = _ITEM.match(line)
        return bool(
            _FENCE.match(line) or _HEADING.match(line) or _RULE.match(line) or _HTML.match(line)
            or (self._depth < DEPTH and (_QUOTE.match(line) or (found and found[4] and found[3] in (None, "1"))))
        )  # fmt: skip


def _text(lines: List[str]) -> str:
    return "".join(line + "\n" for line in lines)


def _stripped(lines: List[str]) -> str:
    """Return a paragraph's text: indentation has no meaning in it, two blanks at the end of a line have."""
    return "\n".join(line.lstrip(" \t") for line in lines).rstrip()
