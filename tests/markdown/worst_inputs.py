"""What costs the renderers of Markdown and of logs most: texts of a given size, for tests of growth and the bench."""

from __future__ import annotations

from typing import Callable, Dict

Make = Callable[[int], str]


def _repeated(piece: str, before: str = "", after: str = "") -> Make:
    """Return what makes texts of `piece` over and over."""
    return lambda size: before + piece * (max(0, size - len(before) - len(after)) // len(piece)) + after


def _counted(piece: Callable[[int], str]) -> Make:
    """Return what makes texts of pieces that are numbered, each another one."""

    def make(size: int) -> str:
        pieces, length, number = [], 0, 0
        while length < size:
            pieces.append(piece(number))
            length += len(pieces[-1])
            number += 1
        return "".join(pieces)[:size]

    return make


PLAIN = _repeated("a line of words as they stand in a text of any kind\n")
WORST: Dict[str, Make] = {
    # Emphasis.
    "emphasis of two kinds": _repeated("*_"),
    "emphasis": _repeated("*a*"),
    "openers": _repeated("*a "),
    "openers of two kinds": _repeated("*a _b "),
    "openers, then closers": lambda size: "*a " * (size // 6) + " b_" * (size // 6),
    "closers": _repeated("a* "),
    "both at once": _repeated("a**b"),
    "both at once, in threes": _repeated("a***b**c*d"),
    "runs of all lengths": _counted(lambda number: "*" * (number % 60 + 1) + "a"),
    "long run": _repeated("*"),
    "strikes": _repeated("~~a~ ~~~b~~ "),
    # Brackets and links.
    "brackets": _repeated("["),
    "brackets, open and closed": lambda size: "[" * (size // 2) + "]" * (size // 2),
    "images in images": lambda size: "![" * (size // 6) + "](a)" * (size // 6),
    "links in links": lambda size: "[" * (size // 5) + "](a)" * (size // 5),
    "targets without end": _repeated("[a](b"),
    "targets in angles": _repeated("[a](<b"),
    "targets with brackets": _repeated("[](((("),
    "titles without end": _repeated('[a](b "c'),
    "link definitions": _repeated("[a]: /b\n"),
    "links by name": _repeated("[a][b] "),
    "addresses": _repeated("http://"),
    "addresses of punctuation": _repeated("http://a?!.,:"),
    # Code.
    "backticks without end": _repeated("`a"),
    "backticks of all lengths": _counted(lambda number: "`" * (number + 1) + " "),
    "code": _repeated("`a` "),
    "fences": _repeated("~~~\n"),
    "fences of all lengths": _counted(lambda number: "`" * (number + 3) + "\n"),
    "fence with a long name": _repeated("a", "~~~", "`"),
    "fence with blanks": _repeated(" ", "```", "x`"),
    "terminal": _repeated("\x1b[1mx\x1b[0m", "```term\n"),
    "links of terminals": _repeated("x\n", "```term\n\x1b]8;;http://" + "a" * 200 + "\x07"),
    # HTML.
    "less-thans": _repeated("<"),
    "tags": _repeated("<b>"),
    "tags, open and closed": lambda size: "<b>" * (size // 7) + "</b>" * (size // 7),
    "tags that end nothing": _repeated("</i>", "<b>" * 99),
    "tags without end": _repeated('<a "'),
    "tags with many attributes": _repeated(" a=b", "<a", ">"),
    "tags with blanks": _repeated(" ", "<a b", "c>"),
    "svg": _repeated("<svg>"),
    "raw elements": _repeated("<script><style><title>"),
    "raw elements in lines": _repeated("<script>\n\n<pre>\n\n"),
    "comments": _repeated("<!--"),
    "comments in lines": _repeated("<!-- a\n\n"),
    "declarations": _repeated("<![CDATA[<?x <!D "),
    "paragraphs": _repeated("<p>", "<b>" * 90),
    "links as HTML": _repeated("<a href=b>"),
    "tables as HTML": _repeated("<table>"),
    "cells as HTML": _repeated("<td>", "<table>"),
    "rows as HTML": _repeated("<tr>", "<table>"),
    "images as HTML": _repeated("<img src=a>"),
    "references": _repeated("&amp;"),
    "references without semicolons": _repeated("&notit", "<p>"),
    "digits of a reference": _repeated("9", "<p>&#", ";"),
    "ampersands": _repeated("&"),
    "backslashes": _repeated("\\"),
    "escapes": _repeated("\\*"),
    # Blocks.
    "blank lines": _repeated("\n"),
    "one long line": _repeated("a"),
    "blanks": _repeated(" "),
    "tabs": _repeated("\t"),
    "headings": _repeated("# a\n"),
    "heading with blanks": _repeated(" ", "# a", "b"),
    "heading with marks": _repeated(" #", "# a", "b"),
    "underlines": _repeated("a\n=\n"),
    "rules": _repeated("***\n"),
    "almost a rule": _repeated("* ", "", "x"),
    "paragraphs of a letter": _repeated("a\n\n"),
    "hard breaks": _repeated("a  \n"),
    "quotes": _repeated("> a\n\n"),
    "quotes in quotes": _repeated("> " * 19 + "a\n"),
    "quotes in quotes, in short": _repeated(">" * 19 + "a\n"),
    "quote that goes on": _repeated("a\n", "> " * 19),
    "quotes deeper and deeper": _counted(lambda number: ">" * number + "a\n"),
    "items": _repeated("- a\n"),
    "items of tasks": _repeated("- [ ] a\n"),
    "items with blanks": _repeated("- a\n\n"),
    "items of two kinds": _repeated("- a\n+ b\n"),
    "numbered items": _repeated("1. a\n"),
    "items in items": _repeated("- " * 19 + "a\n"),
    "items in one another": _repeated("- ", "", "a"),
    "item that goes on": _repeated("a\n", "- " * 19),
    "item with blank lines": _repeated("\n", "- " * 19 + "a", "a"),
    "item that goes on, indented": _repeated(" " * 38 + "a\n", "- " * 19 + "a\n"),
    "items and quotes": _repeated("> - " * 9 + "a\n"),
    "items deeper and deeper": _counted(lambda number: "  " * (number % 200) + "- a\n"),
    "indented code": _repeated("    a\n\n"),
    # Tables.
    "tables": _repeated("|a|\n|-|\n"),
    "cells": lambda size: "|a" * 100 + "\n" + "|-" * 100 + "\n" + ("|a" * 100 + "\n") * (size // 201),
    "rows without cells": _repeated("|\n", "|a" * 200 + "\n" + "|-" * 200 + "\n"),
    "tables without cells": _repeated("|a" * 50 + "\n" + "|-" * 50 + "\n" + "|\n" * 20),
    "a wide head": lambda size: "|a" * (size // 4) + "\n" + "|-" * (size // 4),
    "rule with blanks": _repeated(" ", "|\n-", "x"),
    "rule with bars": _repeated("|-", "|\n", "x"),
    "cells with bars in them": _repeated("\\|", "a|b\n-|-\n"),
}

PLAIN_LOG = _repeated("a line of words as a compiler prints it, with a number: 17\r\n")
LOGS: Dict[str, Make] = {
    "styles": _repeated("\x1b[1mx\x1b[m"),
    "many codes": _repeated("1;", "\x1b[", "m"),
    "other codes each time": _counted(lambda number: f"\x1b[38;5;{number % 256};{number}mx"),
    "code without end": _repeated("1", "\x1b["),
    "escapes alone": _repeated("\x1b"),
    "unknown codes": _repeated("\x1b[5Z"),
    "window erased": _repeated("\x1b[2J", "x\n" * 100),
    "window written and erased": _repeated("\x1b[99Ax\x1b[99Bx\x1b[2J", "x\n" * 100),
    "rest of window erased": _repeated("\x1b[J", "x\n" * 100 + "\x1b[99A"),
    "row erased": _repeated("\x1b[K", "\x1b[1mx\x1b[mx" * 80 + "\b\b"),
    "end of row erased and written": _repeated("\b\x1b[Kx", "\x1b[1mx\x1b[mx" * 79),
    "start of row written again": _repeated("\x1b[Gx", "\x1b[1mx\x1b[mx" * 80),
    "returns": _repeated("x\r", "\x1b[1mx\x1b[mx" * 80),
    "cursor far to the right": _repeated("\x1b[159Cx\n"),
    "cursor back and forth": _repeated("\x1b[A\x1b[B"),
    "saved and restored": _repeated("\x1b7x\x1b8"),
    "one long line": _repeated("x"),
    "blank lines": _repeated("\n"),
    "tabs": _repeated("\t"),
    "controls": _repeated("\x01"),
    "markup": _repeated("<&'\""),
    "links": _repeated("\x1b]8;;http://a\x07x"),
    "link over lines": _repeated("x\n", "\x1b]8;;http://" + "a" * 200 + "\x07"),
    "link over styles": _repeated("\x1b[1mx\x1b[m", "\x1b]8;;http://" + "a" * 200 + "\x07"),
    "link without end": _repeated("a", "\x1b]8;;"),
    "links without end": _repeated("\x1b]8;;"),
    "names without values": _repeated("a", "\x1b]1339;", "\x07"),
    "quotes without end": _repeated('a="', "\x1b]1339;", "\x07"),
    "quotes without end, escaped": _repeated('\\"', '\x1b]1339;url="', "\x07"),
    "pairs": _repeated("a=b;", "\x1b]1339;", "\x07"),
    "image": _repeated("AAAA", "\x1b]1337;File=name=x;inline=1:", "\x07"),
    "images": _repeated("\x1b]1338;url=a\x07"),
    "stamps": _repeated("\x1b_bk;t=1\x07\n"),
    "groups": _repeated("--- a\n"),
    "short names": _repeated("--- :rocket: :a\n"),
}
