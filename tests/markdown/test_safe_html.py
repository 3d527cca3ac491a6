"""What hostile markup becomes: exactly the allowed nodes, attributes and schemes, as we and as Chromium read it."""

import re
from pathlib import Path
from typing import Dict, List, Tuple

import pytest

from bkagent.markdown.render import to_html
from bkagent.markdown.safe_html import safe_html
from tests.fakes import browser
from tests.fakes.html_tree import Tree, check_allowed
from tests.markdown.evasions import KNOWN, composed

SEEDS_COUNT = 2_500
ALLOWED: Dict[str, Tuple[str, ...]] = {
    **dict.fromkeys(
        ("abbr", "b", "blockquote", "br", "caption", "cite", "dd", "del", "dl", "dt", "em", "h1", "h2", "h3", "h4",
         "h5", "h6", "hr", "i", "ins", "kbd", "li", "mark", "q", "s", "samp", "small", "strong", "sub", "summary",
         "sup", "table", "tbody", "tfoot", "thead", "tr", "tt", "u", "ul", "var", "wbr"), (),
    ),
    **dict.fromkeys(("code", "div", "p", "pre", "span"), ("class",)),
    **dict.fromkeys(("td", "th"), ("align", "colspan", "rowspan")),
    "a": ("href", "rel", "title"), "details": ("open",), "ol": ("start",),
}  # fmt: skip
VALUES = {
    "rel": "noopener noreferrer nofollow", "class": r"term-[a-z0-9-]+( term-[a-z0-9-]+)*", "align": "left|center|right",
    "colspan": "[0-9]{1,3}", "rowspan": "[0-9]{1,3}", "start": "[0-9]{1,9}", "open": "", "title": r"[^\0]*",
    "href": r"(?i)(https?:|mailto:|(?![^/?#]*:)(?![\\/]{2}))[^\0\t\n\r]*",
}  # fmt: skip


BLOCKS = (0, *(pytest.param(block, marks=pytest.mark.soak) for block in (1, 2, 3)))


def rendered(block: int) -> List[Tuple[str, str]]:
    """Return hostile texts and what each became: known ones as Markdown and as HTML, seeded ones as either in turn."""
    texts = [(text, convert(text)) for text in KNOWN.values() for convert in (to_html, safe_html)]
    for seed in range(block * SEEDS_COUNT, (block + 1) * SEEDS_COUNT):
        text = composed(seed)
        texts.append((text, to_html(text) if seed % 2 else safe_html(text)))
    return texts


@pytest.mark.parametrize("block", BLOCKS)
def test_hostile_markup_becomes_allowed_nodes_and_stays_what_it_is(block: int) -> None:
    assert len(KNOWN) >= 60
    for text, shown in rendered(block):
        check_allowed(Tree(shown).nodes, ALLOWED, VALUES)
        assert safe_html(shown) == shown, text


@pytest.mark.parametrize("block", BLOCKS)
def test_chromium_has_exactly_the_nodes_that_were_meant(tmp_path: Path, block: int) -> None:
    pairs = rendered(block)
    readings = browser.read([shown for _, shown in pairs], tmp_path)
    assert readings.ran == []
    for (text, markup), reading in zip(pairs, readings.texts):
        assert reading.nodes == reading.whole == Tree(markup).nodes, text
        assert reading.stable, text
        check_allowed(reading.nodes, ALLOWED, VALUES)
        for address, protocol, origin in reading.links:
            assert protocol in ("https:", "http:", "mailto:") or (protocol == ":" and address.startswith("http")), text
            assert origin == browser.ORIGIN or re.match("(?i)https?:|mailto:", address), text


def test_the_check_in_chromium_sees_what_it_is_there_for(tmp_path: Path) -> None:
    harmful = "<img src=x: onerror=alert(7)><a href='java\tscript:alert(1)'>x</a><table>b<svg><b>c"
    readings = browser.read([harmful, "<p>a<p>b", "<b><p>x</b>y"], tmp_path)
    assert readings.ran == ["7"]
    assert readings.texts[0].links[1][1] == "javascript:"
    assert readings.texts[0].nodes[0] == ["img", {"src": "x:", "onerror": "alert(7)"}, []]
    assert [len(reading.nodes) for reading in readings.texts[1:]] == [2, 2]


@pytest.mark.parametrize("name", KNOWN)
def test_a_known_evasion_leaves_nothing_that_acts(name: str) -> None:
    shown = to_html(KNOWN[name])
    check_allowed(Tree(shown).nodes, ALLOWED, VALUES)
    assert not re.search(r"(?i)href=\"[^\"]*(script|data|blob|evil)[^\"]*:", shown)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a <svg> b **c**\n\nd", "<p>a  b <strong>c</strong></p>\n<p>d</p>"),
        ("a <svg><b>x</b></svg> c <SVG/> d", "<p>a  c  d</p>"),
        ("<style>\n\nb\n\n<title> c", "\n<p>b</p>\n c"),
        ("a <!-- b\n\nc", "<p>a &lt;!-- b</p>\n<p>c</p>"),
        ("<!-- a\n\n# b", "<p>&lt;!-- a</p>\n<h1>b</h1>"),
    ],
)
def test_what_is_not_closed_swallows_nothing(text: str, shown: str) -> None:
    assert to_html(text) == shown


def test_numbers_of_thousands_of_digits_are_characters_that_do_not_exist() -> None:
    assert safe_html("&#" + "9" * 5000 + "; &#x" + "f" * 5000) == "\ufffd \ufffd"


def test_addresses_keep_what_only_looks_like_a_character_reference() -> None:
    address = "https://a.test/?a=1&copy=2&lt=3&notify=4"
    expected = address.replace("&", "&amp;")
    for text in (f"[x]({address})", f"<a href='{address}'>x</a>"):
        assert f'href="{expected}"' in to_html(text)
