"""Logs as HTML: what a terminal would show, and nothing a browser would obey."""

import html.parser
import random
from typing import Dict, List, Optional, Tuple

import pytest

from bkagent.controlplane.web.ui import log_view
from bkagent.controlplane.web.ui.terminal.interpreter import Interpreter
from bkagent.controlplane.web.ui.terminal.lines import lines_of, log_html, read_lines


@pytest.mark.parametrize(
    ("log", "shown"),
    [
        (b"", "&nbsp;"),
        (b"one\r\n\r\ntwo\n", "one\n&nbsp;\ntwo"),
        (b"a < b & \"c\" 'd' /e", "a &lt; b &amp; &quot;c&quot; &#x27;d&#x27; &#47;e"),
        (b"trailing   \n", "trailing"),
        (b"10%\r20%\r100%\n", "100%"),
        (b"abc\rX\n", "Xbc"),
        (b"abc\b\bX\n", "aXc"),
        (b"abc\r\x1b[Kd\n", "d"),
        (b"abcdef\x1b[3D\x1b[1Kx\n", "   xef"),
        (b"abc\x1b[2Kd\n", "   d"),
        (b"one\ntwo\n\x1b[2Ax\n\n", "xne\ntwo"),
        (b"one\x1b[5Gx\n", "one x"),
        (b"one\x1b[Hx\n", "one\nx"),
        (b"one\ntwo\nthree\x1b[2Jx\n", "&nbsp;\n&nbsp;\n     x"),
        (b"a\tb\n", "a       b"),
        (b"\x1b[31mred\x1b[0m plain\n", '<span class="term-fg31">red</span> plain'),
        (b"\x1b[1;4;92;100mx\x1b[22;24;39;49my\n", '<span class="term-fgi92 term-bgi100 term-fg1 term-fg4">x</span>y'),
        (b"\x1b[1m\x1b[2mx\x1b[m\n", '<span class="term-fg2">x</span>'),
        (b"\x1b[38;5;196;48;5;7mx\x1b[0m\n", '<span class="term-fgx196 term-bgx7">x</span>'),
        (b"\x1b[38;5;999mx\x1b[38;2;1;2;3my\n", "xy"),
        (b"\x1b[?25lhidden cursor\x1b[?25h\n", "hidden cursor"),
        (b"\x1b[5Zunknown\n", "[5Zunknown"),
        (b"\x1b(Bcharset \x1b=keys\n", "charset keys"),
        (b"bad \xff bytes \xc3\xbc\n", "bad \ufffd bytes ü"),
        (b"nul\x00bell\x07\n", "nulbell"),
        (b"\x1b_bk;t=1700000000123\x07hi\n",
         '<time datetime="2023-11-14T22:13:20.123Z">2023-11-14T22:13:20.123Z</time>hi'),
        (b"\x1b_bk;t=1000\x07\n\x1b_bk;dt=500\x07y\n",
         '<time datetime="1970-01-01T00:00:01.000Z">1970-01-01T00:00:01.000Z</time>&nbsp;\n'
         '<time datetime="1970-01-01T00:00:01.500Z">1970-01-01T00:00:01.500Z</time>y'),
        (b"\x1b_bk;t=999999999999999\x07far\n", "far"),
        (b"\x1b]8;;https://example.com/?a=1&b=2\x07go\x1b]8;;\x1b\\.\n",
         '<a href="https://example.com/?a=1&amp;b=2" rel="noopener noreferrer nofollow">go</a>.'),
        (b"\x1b]1339;url=javascript:alert(1);content=x\x07\n", '<a href="#" rel="noopener noreferrer nofollow">x</a>'),
        (b'\x1b]1339;url="https://e.com/";content="a;b"\x07\n',
         '<a href="https://e.com/" rel="noopener noreferrer nofollow">a;b</a>'),
        (b"x\x1b]1338;url=https://e.com/i.png;alt=pic\x07y\n",
         'x\n<a href="https://e.com/i.png" rel="noopener noreferrer nofollow">[image pic]</a>\ny'),
        (b"\x1b]0;title\x07text\n", "text"),
    ],
)  # fmt: skip
def test_a_log_is_shown_as_a_terminal_would(log: bytes, shown: str) -> None:
    assert log_html(log) == shown


def test_a_long_line_stays_one_line() -> None:
    (line,) = read_lines(b"x" * 1000 + b"\n")
    assert line.text == "x" * 1000


def test_group_markers_are_found_behind_colours() -> None:
    log = b"\x1b[33m--- a\x1b[0m\n+++ b\n~~~ c\n^^^ +++\n---d\n ---  e\n"
    assert [line.marker for line in read_lines(log)] == ["-", "+", "~", "^", "", ""]


def test_lines_that_scrolled_away_cannot_change() -> None:
    log = b"first\n" + b"x\n" * 200 + b"\x1b[250Achanged\n"
    lines = read_lines(log)
    assert lines[0].text == "first" and "changed" in [line.text for line in lines]


class Checker(html.parser.HTMLParser):
    """Fails on anything but the few elements that a log may become."""

    allowed: Dict[str, Tuple[str, ...]] = {"span": ("class",), "time": ("datetime",), "a": ("href", "rel")}

    def __init__(self) -> None:
        super().__init__()
        self.open: List[str] = []

    def handle_starttag(self, tag: str, attrs: List[Tuple[str, Optional[str]]]) -> None:
        assert {name for name, _ in attrs} <= set(self.allowed[tag]), (tag, attrs)
        for name, value in attrs:
            assert name != "href" or (value or "").startswith(("http://", "https://", "mailto:", "#")), value
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_comment(self, data: str) -> None:
        raise AssertionError("a comment")

    def handle_decl(self, decl: str) -> None:
        raise AssertionError("a declaration")


PIECES = [
    b"text ", b"\n", b"\r", b"\b", b"\t", b"<script>", b"</span>", b"\"'&", b"\x1b", b"\x1b[", b"\x1b[3", b"1m",
    b"\x1b[31m", b"\x1b[0m", b"\x1b[2A", b"\x1b[99B", b"\x1b[K", b"\x1b[2J", b"\x1b[3J", b"\x1b[H", b"\x1b[500C",
    b"\x1b7", b"\x1b8", b"\x1bM", b"\x1b_bk;t=17", b"\x1b_bk;t=1700000000000\x07", b"\x1b_bk;dt=-5\x07", b"\x07",
    b"\x1b\\", b"\x1b]8;;http://x\"onclick=\x07", b"\x1b]8;;https://x/<b>\x07",
    b"\x1b]1339;url=https://e;content=<i>\x07", b"\x1b]1338;url=data:x;alt=\"><b>\x07", b"\xff", b"\xc3", b"\xbc",
    b"\xe2\x80", b"x" * 170, b"\x00", b"\x9b31m", b"\x1b(", b"\x1b(B", b"9" * 30,
]  # fmt: skip


@pytest.mark.parametrize("seeds", [range(150), pytest.param(range(150, 1000), marks=pytest.mark.soak)], ids=str)
def test_random_logs_become_safe_html_and_do_not_depend_on_how_they_are_cut(seeds: range) -> None:
    for seed in seeds:
        chance = random.Random(seed)
        log = b"".join(chance.choice(PIECES) for _ in range(chance.randint(0, 120)))
        checker = Checker()
        checker.feed(log_html(log))
        checker.close()
        assert not checker.open, seed
        whole, parts = Interpreter(), Interpreter()
        whole.feed(log)
        at = 0
        while at < len(log):
            size = chance.choice((1, 2, 5, 40))
            parts.feed(log[at : at + size])
            at += size
        assert list(lines_of(parts.screen.rows)) == list(lines_of(whole.screen.rows)), seed


@pytest.mark.parametrize("seeds", [range(50), pytest.param(range(50, 500), marks=pytest.mark.soak)], ids=str)
def test_following_a_log_gives_the_same_lines_as_reading_it(seeds: range) -> None:
    for seed in seeds:
        chance = random.Random(seed)
        follower, shown, gone = Interpreter(), [], 0
        log = b""
        for _ in range(chance.randint(1, 60)):
            piece = b"".join(chance.choice(PIECES[:30]) for _ in range(chance.randint(0, 20))) + b"\n" * chance.choice(
                (0, 1, 40)
            )
            log += piece
            follower.feed(piece)
            first, start = follower.screen.change()
            lines = list(lines_of(follower.screen.rows[start:]))
            shown[gone + first :] = lines
            gone += follower.screen.settle()
        whole = Interpreter()
        whole.feed(log)
        assert shown == list(lines_of(whole.screen.rows)), seed


def test_the_last_of_very_many_lines_are_shown() -> None:
    many = b"".join(b"%d\n" % number for number in range(log_view.SHOWN_LINES + 1000))
    log, start = log_view.whole_lines(many, 0)
    assert log.startswith(b"1000\n") and log.count(b"\n") == log_view.SHOWN_LINES
    assert start == len(many) - len(log)
    cut = b"the rest of a line\n" + many
    assert log_view.whole_lines(cut, 5000) == (log, 5000 + len(cut) - len(log))
    assert log_view.whole_lines(b"rest\na\nb", 7) == (b"a\nb", 12) and log_view.whole_lines(b"a\nb", 0) == (b"a\nb", 0)
