"""The blocks of a text: headings, paragraphs, lists, quotes, code, tables, HTML; CommonMark's rules in short."""

from __future__ import annotations

import re
from typing import Callable, List, Mapping, Match, Optional, Set, Tuple

from bkagent.markdown import tables
from bkagent.markdown.allowance import Allowance
from bkagent.markdown.characters import escaped
from bkagent.markdown.inline import inline

DEPTH = 20
Fences = Mapping[str, Callable[[str], str]]

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r" {0,3}(#{1,6})(?=[ \t]|$)")
_QUOTE = re.compile(r" {0,3}> ?")
_ITEM = re.compile(r"( {0,3})([-*+]|([0-9]{1,9})[.)])( {1,4}(?! )| (?= )|$)")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_HTML = re.compile(
    r" {0,3}(?:</?(?:address|article|aside|blockquote|center|details|dialog|dd|dir|div|dl|dt|fieldset|figcaption|"
    r"figure|footer|form|h[1-6]|head|header|hr|html|iframe|legend|li|main|nav|noframes|ol|option|p|pre|script|section|"
    r"style|summary|table|tbody|td|textarea|tfoot|th|thead|title|tr|ul)(?=[\s/>]|$)|<!--)",
    re.IGNORECASE,
)
_VERBATIM = re.compile(r" {0,3}<(pre|script|style|textarea)(?=[\s>]|$)", re.IGNORECASE)
_TASK = re.compile(r"\[([ xX])\] ")
# What a block other than a paragraph may begin with, after blanks.
_BEGINNINGS = frozenset("`~#*-_<>+0123456789")


def blocks(lines: List[str], fences: Fences, allowance: Allowance, depth: int = 0) -> List[str]:
    """Return the HTML of each block of `lines`. `fences` render fenced code of their language.

    Once the allowance is spent the rest is one block, shown as it is written.

    An entry of `lines` may be several lines that belong together whatever is around them: blank ones, or lines that
    go on with a paragraph without the marks of its quotes and lists. So deep nesting does not multiply their cost.
    """
    return _Blocks(lines, fences, allowance, depth).read()


class _Blocks:
    def __init__(self, lines: List[str], fences: Fences, allowance: Allowance, depth: int) -> None:
        self._lines, self._fences, self._allowance, self._depth = lines, fences, allowance, depth
        self._at = 0
        self._out: List[str] = []
        self._missing: Set[str] = set()  # ends of HTML that no line from here on has

    def read(self) -> List[str]:
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if not line.strip():
                self._at += 1
                continue
            if self._allowance.left <= 0:
                self._out.append(f"<pre>{escaped(_text(self._lines[self._at :]).rstrip())}</pre>")
                break
            self._allowance.left -= 1
            if not self._special(line):
                self._paragraph()
        return self._out

    def _special(self, line: str) -> bool:
        """Take a block that its first line tells; False for a paragraph."""
        if line.startswith("    "):
            self._indented()
            return True
        letter = _first_letter(line)
        if letter not in _BEGINNINGS:
            return False
        if letter in "`~":
            return self._fenced(line)
        if letter == "#":
            return self._heading(line)
        if letter == "<":
            return self._html(line)
        if letter == ">":
            return self._depth < DEPTH and self._quote()
        if letter in "*-_" and _is_rule(line):
            self._at += 1
            self._out.append("<hr>")
            return True
        item = _ITEM.match(line) if self._depth < DEPTH else None
        return item is not None and self._list(item)

    def _indented(self) -> None:
        taken: List[str] = []
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if not line.startswith("    ") and line.strip():
                break
            taken += [part[4:] for part in line.split("\n")]
            self._at += 1
        self._out.append(f"<pre><code>{escaped(_text(taken).rstrip())}</code></pre>")

    def _fenced(self, line: str) -> bool:
        opening = _fence(line)
        if opening is None:
            return False
        fence, language = opening
        indent = len(line) - len(line.lstrip(" "))
        taken: List[str] = []
        self._at += 1
        while self._at < len(self._lines):
            content = self._lines[self._at]
            self._at += 1
            blanks = len(content) - len(content.lstrip(" "))
            if blanks < 4 and content.startswith(fence, blanks) and not content[blanks:].rstrip(" \t").strip(fence[0]):
                break
            taken.append(content[min(indent, blanks) :])
        render = self._fences.get(language)
        count = max(0, self._allowance.left) if render else 0
        shown = render(_text(taken[:count])) if render else ""
        self._allowance.left -= len(taken[:count])
        self._out.append(f"<pre><code>{shown}{escaped(_text(taken[count:]))}</code></pre>")
        return True

    def _heading(self, line: str) -> bool:
        heading = _HEADING.match(line)
        if heading is None:
            return False
        self._at += 1
        text = line[heading.end() :].strip(" \t")
        before = text.rstrip("#")
        if not before or before[-1] in " \t":
            text = before.rstrip(" \t")
        level = len(heading[1])
        self._out.append(f"<h{level}>{inline(text, self._allowance)}</h{level}>")
        return True

    def _html(self, line: str) -> bool:
        """Take HTML up to a blank line; a comment and what must be taken verbatim, up to its end where there is one."""
        if not self._begins_html(line):
            return False
        verbatim = _VERBATIM.match(line)
        ending = f"</{verbatim[1].lower()}" if verbatim else "-->" if line.lstrip(" ").startswith("<!--") else ""
        last = self._line_with(ending) if ending else -1
        start = self._at
        if last >= 0:
            self._at = last + 1
        else:
            while self._at < len(self._lines) and self._lines[self._at].strip():
                self._at += 1
        self._out.append("\n".join(self._lines[start : self._at]))
        return True

    def _begins_html(self, line: str) -> bool:
        """Return whether a line begins HTML: a comment that does not end is text."""
        return bool(_HTML.match(line)) and not (line.lstrip(" ").startswith("<!--") and self._line_with("-->") < 0)

    def _line_with(self, ending: str) -> int:
        """Return the number of the first line from here on that has `ending`, -1 where none has."""
        if ending not in self._missing:
            for at in range(self._at, len(self._lines)):
                if ending in self._lines[at].lower():
                    return at
            self._missing.add(ending)
        return -1

    def _quote(self) -> bool:
        taken: List[str] = []
        lazy: List[str] = []
        while self._at < len(self._lines):
            line = self._lines[self._at]
            mark = _QUOTE.match(line)
            if mark:
                _flush(lazy, taken)
                taken.append(line[mark.end() :])
            elif not line.strip() or self._interrupts(line):
                break
            else:
                lazy.append(line.lstrip(" "))
            self._at += 1
        _flush(lazy, taken)
        inner = blocks(taken, self._fences, self._allowance, self._depth + 1)
        self._out.append("<blockquote>\n" + "\n".join(inner) + "\n</blockquote>")
        return True

    def _list(self, first: "Match[str]") -> bool:
        kind = first[2][-1]
        items: List[Tuple[str, List[str]]] = []
        loose = False
        start: Optional[Match[str]] = first
        while start is not None and self._allowance.left > 0:
            self._allowance.left -= 1
            item, blank_inside, blank_after = self._item(start.end() if start[4] else start.end() + 1)
            items.append(self._item_blocks(item))
            start = self._next_item(kind)
            loose = loose or blank_inside or (blank_after and start is not None)
        name = "ol" if first[3] else "ul"
        number = f' start="{int(first[3])}"' if first[3] and int(first[3]) != 1 else ""
        shown = "\n".join(f"<li>{box}{_joined(inner, loose)}</li>" for box, inner in items)
        self._out.append(f"<{name}{number}>\n{shown}\n</{name}>")
        return True

    def _next_item(self, kind: str) -> "Optional[Match[str]]":
        if self._at >= len(self._lines):
            return None
        line = self._lines[self._at]
        start = _ITEM.match(line)
        return start if start and start[2][-1] == kind and not (kind in "*-" and _is_rule(line)) else None

    def _item(self, indent: int) -> "Tuple[List[str], bool, bool]":
        """Take one item; return its lines, whether a blank line is inside it, and whether one came after it."""
        taken = [self._lines[self._at][indent:]]
        self._at += 1
        blanks: List[str] = []
        lazy: List[str] = []
        blank_inside = False
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if not line.strip():
                _flush(lazy, taken)
                blanks.append(line)
            elif line.startswith(" " * indent):
                _flush(lazy, taken)
                # Blank lines between the blocks of a nested list make that one loose, not this.
                blank_inside = blank_inside or (bool(blanks) and not line[indent:].startswith(" "))
                _flush(blanks, taken)
                taken.append(line[indent:])
            elif blanks or _ITEM.match(line) or self._interrupts(line) or not (lazy or taken[-1].strip()):
                break
            else:
                lazy.append(line.lstrip(" "))  # a paragraph that goes on without its indentation
            self._at += 1
        _flush(lazy, taken)
        return taken, blank_inside, bool(blanks)

    def _item_blocks(self, lines: List[str]) -> Tuple[str, List[str]]:
        """Return the box of an item that is a task, or "", and the HTML of each block of it."""
        task = _TASK.match(lines[0])
        if task is None:
            return "", blocks(lines, self._fences, self._allowance, self._depth + 1)
        inner = blocks([lines[0][4:], *lines[1:]], self._fences, self._allowance, self._depth + 1)
        return "\u2611 " if task[1] != " " else "\u2610 ", inner

    def _paragraph(self) -> None:
        table = tables.read(self._lines, self._at, self._allowance)
        if table is not None:
            shown, self._at = table
            self._out.append(shown)
            return
        taken = [self._lines[self._at]]
        self._at += 1
        while self._at < len(self._lines):
            line = self._lines[self._at]
            letter = _first_letter(line)
            underline = _UNDERLINE.match(line) if letter in ("=", "-") else None
            if underline:
                self._at += 1
                level = 1 if letter == "=" else 2
                self._out.append(f"<h{level}>{inline(_stripped(taken), self._allowance)}</h{level}>")
                return
            if not line.strip() or (letter in _BEGINNINGS and self._interrupts(line)):
                break
            taken.append(line)
            self._at += 1
        self._out.append(f"<p>{inline(_stripped(taken), self._allowance)}</p>")

    def _interrupts(self, line: str) -> bool:
        """Return whether the line that is read now begins another block although a paragraph is under way."""
        letter = _first_letter(line)
        if letter not in _BEGINNINGS:
            return False
        if letter in "`~":
            return _fence(line) is not None
        if letter == "#":
            return _HEADING.match(line) is not None
        if letter == "<":
            return self._begins_html(line)
        if letter in "*-_" and _is_rule(line):
            return True
        if self._depth >= DEPTH:
            return False
        if letter == ">":
            return _QUOTE.match(line) is not None
        item = _ITEM.match(line)
        return bool(item and item[4] and item[3] in (None, "1"))


def _is_rule(line: str) -> bool:
    """Return whether a line that is not indented is three or more of one sign, with or without blanks."""
    signs = line.replace(" ", "").replace("\t", "")
    return len(signs) >= 3 and not signs.strip(signs[0])


def _fence(line: str) -> Optional[Tuple[str, str]]:
    """Return the fence that a line opens and the language after it, None where it opens none."""
    opening = _FENCE.match(line)
    if opening is None:
        return None
    words = line[opening.end() :].strip()
    if opening[1][0] == "`" and "`" in words:
        return None
    return opening[1], words.split(None, 1)[0].lower() if words else ""


def _joined(pieces: List[str], loose: bool) -> str:
    """Return the blocks of an item as HTML; in a list without blank lines its paragraphs are plain text."""
    if not loose:
        pieces = [piece[3:-4] if piece.startswith("<p>") and piece.endswith("</p>") else piece for piece in pieces]
    return "\n".join(pieces)


def _flush(waiting: List[str], lines: List[str]) -> None:
    """Move lines that belong together to `lines`, as one entry."""
    if waiting:
        lines.append("\n".join(waiting))
        waiting.clear()


def _first_letter(line: str) -> str:
    return line.lstrip(" ")[:1]


def _text(lines: List[str]) -> str:
    return "".join(line + "\n" for line in lines)


def _stripped(lines: List[str]) -> str:
    """Return a paragraph's text: indentation has no meaning in it, two blanks at the end of a line have."""
    return "\n".join(line.lstrip(" \t") for line in lines).rstrip()
