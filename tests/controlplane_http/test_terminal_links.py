"""Hostile bytes in a log: exactly the elements of a log, links that pages may have, no more than there is to show."""

import random
from pathlib import Path
from typing import Dict, List, Tuple

import pytest

from bkagent.controlplane.web.ui.terminal.lines import log_html
from tests.fakes import browser
from tests.fakes.html_tree import Tree, check_allowed
from tests.markdown.evasions import KNOWN

SEEDS_COUNT = 3000
ALLOWED: Dict[str, Tuple[str, ...]] = {"span": ("class",), "time": ("datetime",), "a": ("href", "rel")}
VALUES = {
    "class": r"term-(fg|bg|fgi|bgi|fgx|bgx)[0-9]+( term-(fg|bg|fgi|bgi|fgx|bgx)[0-9]+)*",
    "datetime": r"[0-9T:.Z-]+", "rel": "noopener noreferrer nofollow", "href": r"(?i)#|(https?|mailto):[^\0\t\r\n]*",
}  # fmt: skip
ADDRESSES = (
    "https://a.test/x?a=1&b=2", "HTTP://a.test", "mailto:a@a.test", "javascript:alert(1)", "java\tscript:alert(1)",
    "\tjava\nscript:alert(1)", "JAVASCRIPT\r:alert(1)", "data:text/html,<script>alert(1)</script>", "vbscript:x",
    "blob:x",
    "artifact://a", "ARTIFACT://a", "art\tifact://a", "//evil.test", "/relative", "\\\\evil.test",
    "http://a.test/\"onclick=\"",
    "http://a.test/'><img src=x: onerror=alert(1)>", "http://[", "java&Tab;script:alert(1)", "https://a.test/\0\x01",
    ":x", "x",
)  # fmt: skip
LINKS = ("8;;{}", "8;id=x;{}", "1339;url={};content=<i>x", "1339;url='{}'", '1338;url="{}";alt=<b>')
PIECES = (
    "text ", "<b>", "</a>", "\"'&<>", "\n", "\r", "\b", "\t", "\0", "\u2028", "\x1b[31m", "\x1b[1;38;5;9m",
    "\x1b[0m", "\x1b[K",
    "\x1b[2A", "\x1b[J", "\x1b[9G", "\x1b7", "\x1b8", "\x1b]8;;\x07", "\x1b]8;;", "\x07", "\x1b\\", ";", "--- ",
    "^^^ +++\n",
    "\x1b_bk;t=1700000000000\x07", "\x1b_bk;t=17\"><b>\x07", "<script>alert(1)</script>",
    "</span></time></a></div></details>",
    "\x1b]1337;File=name=x;inline=1:AAAA\x07", "\x1b]1337;url=javascript:alert(1);alt=<b>\x07",
)  # fmt: skip


def hostile_log(seed: int) -> bytes:
    chance = random.Random(seed)
    pieces: List[str] = []
    for _ in range(chance.randint(1, 16)):
        address = chance.choice(ADDRESSES)
        link = chance.choice(
            ("8;;{}", "8;id=x;{}", "1339;url={};content=<i>x", "1339;url='{}'", '1338;url="{}";alt=<b>')
        )
        pieces.append(chance.choice((chance.choice(PIECES), f"\x1b]{link.format(address)}\x07")))
    return "".join(pieces).encode("utf-8", "surrogatepass")


def known_log(text: str) -> bytes:
    return f"{text}\n\x1b]8;;{text}\x07x\x1b]8;;\x07\x1b]1339;url='{text}';content={text}\x07\n".encode()


def test_hostile_logs_become_exactly_the_elements_of_a_log_in_chromium_too(tmp_path: Path) -> None:
    logs = [*map(known_log, KNOWN.values()), *map(hostile_log, range(SEEDS_COUNT))]
    shown = [log_html(log) for log in logs]
    for markup in shown:
        check_allowed(Tree(markup).nodes, ALLOWED, VALUES)
    readings = browser.read(shown, tmp_path)
    assert readings.ran == []
    for log, markup, reading in zip(logs, shown, readings.texts):
        assert reading.nodes == reading.whole == Tree(markup).nodes, log
        assert {protocol for _, protocol, _ in reading.links} <= {"http:", "https:", "mailto:", ":"}, log


@pytest.mark.parametrize(
    ("address", "target"),
    [
        *((address, "#") for address in ADDRESSES[3:10]), *((address, "") for address in ADDRESSES[10:13]),
        *((address, "#") for address in ADDRESSES[13:16]), ("ht\ttps://a.test", "https://a.test"),
        (" https://a.test ", "https://a.test"), ("https://a.test/" + "x" * 2048, "#"),
    ],
)  # fmt: skip
def test_links_of_logs_open_what_links_of_pages_may(address: str, target: str) -> None:
    rel = ' rel="noopener noreferrer nofollow"'
    expected = f'<a href="{target}"{rel}>x</a>' if target else "x"
    assert log_html(f"\x1b]8;;{address}\x07x\x1b]8;;\x07\n".encode()) == expected


def test_a_link_as_the_hosted_services_documentation_prints_it() -> None:
    expected = '<a href="https://a.test/" rel="noopener noreferrer nofollow">The; name</a>'
    assert log_html(b"\x1b]1339;url='https://a.test/';content='The; name'\x07\n") == expected


def test_one_link_cannot_fill_a_page() -> None:
    opening = b"\x1b]8;;https://a.test/" + b"x" * 2000 + b"\x07"
    for repeated in (b"x\n", b"\x1b[1mx\x1b[m", b"\x1b8x\n", b"\x1b[Ax\x1b[B"):
        shown = log_html(opening + b"\x1b7" + repeated * 20_000)
        assert "href" in shown and len(shown) < 3_000_000, repeated


def test_text_of_a_link_goes_on_over_styles_and_lines() -> None:
    shown = log_html(b"\x1b]8;;https://a.test\x07one \x1b[1mtwo\x1b[m\nthree\x1b]8;;\x07 four\n")
    link = '<a href="https://a.test" rel="noopener noreferrer nofollow">'
    assert shown == f'{link}one <span class="term-fg1">two</span></a>\n{link}three</a> four'


def test_a_line_without_end_is_shown_as_several() -> None:
    assert [len(line) for line in log_html(b"x" * 400_000 + b"\n").split("\n")] == [160_000, 160_000, 80_000]
