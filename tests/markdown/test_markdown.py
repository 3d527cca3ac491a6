"""Markdown as safe HTML: what it shows, what it drops, and that nothing makes it unsafe or slow."""

import html.parser
import random
from typing import List, Optional, Tuple

import pytest

from bkagent.markdown.render import to_html

REL = ' rel="noopener noreferrer nofollow"'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("plain", "<p>plain</p>"),
        ("one\ntwo\n\nthree", "<p>one\ntwo</p>\n<p>three</p>"),
        ("# One\n## Two ##\nThree\n===\nFour\n---", "<h1>One</h1>\n<h2>Two</h2>\n<h1>Three</h1>\n<h2>Four</h2>"),
        ("*a* _b_ **c** __d__ ***e***",
         "<p><em>a</em> <em>b</em> <strong>c</strong> <strong>d</strong> <em><strong>e</strong></em></p>"),
        ("a*b*c snake_case_name 2 * 3 * 4", "<p>a<em>b</em>c snake_case_name 2 * 3 * 4</p>"),
        ("**bold *both***", "<p><strong>bold <em>both</em></strong></p>"),
        ("*open **never", "<p>*open **never</p>"),
        ("~~gone~~ ~~~kept~~~", "<p><del>gone</del> ~~~kept~~~</p>"),
        ("`a < b` ``c ` d`` `open", "<p><code>a &lt; b</code> <code>c ` d</code> `open</p>"),
        (r"\*no\* \< \\ \a", r"<p>*no* &lt; \ \a</p>"),
        ("a  \nb\\\nc", "<p>a  <br>\nb<br>\nc</p>"),
        ("[x](https://e.com/?a=1&b=2 \"t\")", f'<p><a href="https://e.com/?a=1&amp;b=2" title="t"{REL}>x</a></p>'),
        ("[a *b*](</c d>) [not] (x) [n](x y)", f'<p><a href="/c d"{REL}>a <em>b</em></a> [not] (x) [n](x y)</p>'),
        ("[a [b](/c)](/d)", f'<p>[a <a href="/c"{REL}>b</a>](/d)</p>'),
        ("see https://e.com/a. <https://e.com/b>",
         f'<p>see <a href="https://e.com/a"{REL}>https://e.com/a</a>. <a href="https://e.com/b"{REL}>https://e.com/b</a></p>'),
        ("![a pic](https://e.com/p.png)", f'<p><a href="https://e.com/p.png"{REL}>a pic</a></p>'),
        ("- a\n- b\n  - c\n* d",
         "<ul>\n<li>a</li>\n<li>b\n<ul>\n<li>c</li>\n</ul></li>\n</ul>\n<ul>\n<li>d</li>\n</ul>"),
        ("3. a\n4. b", '<ol start="3">\n<li>a</li>\n<li>b</li>\n</ol>'),
        ("- a\n\n  b\n- c", "<ul>\n<li><p>a</p>\n<p>b</p></li>\n<li><p>c</p></li>\n</ul>"),
        ("- [x] done\n- [ ] open", "<ul>\n<li>\u2611 done</li>\n<li>\u2610 open</li>\n</ul>"),
        ("> a\n> > b\nlazy", "<blockquote>\n<p>a</p>\n<blockquote>\n<p>b\nlazy</p>\n</blockquote>\n</blockquote>"),
        ("```sh\na < b\n\n  c\n```\nafter", "<pre><code>a &lt; b\n\n  c\n</code></pre>\n<p>after</p>"),
        ("~~~\nopen", "<pre><code>open\n</code></pre>"),
        ("    code\n\n    more", "<pre><code>code\n\nmore</code></pre>"),
        ("a\n\n---\n***\n", "<p>a</p>\n<hr>\n<hr>"),
        ("| a | b |\n|:--|--:|\n| `x` | y \\| z |\n| 1 |",
         '<table>\n<thead>\n<tr><th align="left">a</th><th align="right">b</th></tr>\n</thead>\n<tbody>\n'
         '<tr><td align="left"><code>x</code></td><td align="right">y | z</td></tr>\n'
         '<tr><td align="left">1</td><td align="right"></td></tr>\n</tbody>\n</table>'),
        ("a | b", "<p>a | b</p>"),
        ("<details>\n<summary>S</summary>\n\n**in**\n\n</details>",
         "<details>\n<summary>S</summary>\n<p><strong>in</strong></p>\n</details>"),
        ("a <b>bold</b> &amp; &copy; &nonsense; AT&T", "<p>a <b>bold</b> &amp; \u00a9 &amp;nonsense; AT&amp;T</p>"),
        ("1 < 2 > 0 <3", "<p>1 &lt; 2 &gt; 0 &lt;3</p>"),
        ("\u00fc\x00\r\ne", "<p>\u00fc\ufffd\ne</p>"),
    ],
)  # fmt: skip
def test_text_becomes_html(text: str, shown: str) -> None:
    assert to_html(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<script>alert(1)</script>ok", "ok"),
        ("a <SCRIPT src=x>alert(1)</SCRIPT > b", "<p>a  b</p>"),
        ("a <script>never closed", "<p>a never closed</p>"),
        ("<img src=x onerror=alert(1)>", f'<p><a href="x"{REL}>image</a></p>'),
        ("<p onclick=\"x\" style='y' class='term-fg31 evil' id=z>t</p>", '<p class="term-fg31">t</p>'),
        ("[x](javascript:alert(1))", f"<p><a{REL}>x</a></p>"),
        ("[x](JaVa\tScript:alert(1))", "<p>[x](JaVa\tScript:alert(1))</p>"),
        ("<a href='java&#115;cript:alert(1)'>x</a>", f"<p><a{REL}>x</a></p>"),
        ("<a href=' &#1;javascript:alert(1)'>x</a>", f"<p><a{REL}>x</a></p>"),
        ("<a href='data:text/html,x'>x</a> <a href='//evil'>y</a> <a href='/\\evil'>z</a> <a href='\\\\e'>w</a>",
         f"<p><a{REL}>x</a> <a{REL}>y</a> <a{REL}>z</a> <a{REL}>w</a></p>"),
        ("<a href='x\" onmouseover=\"alert(1)'>x</a>",
         f'<p><a href="x&quot; onmouseover=&quot;alert(1)"{REL}>x</a></p>'),
        ("<iframe src=x></iframe><svg onload=x><a>b</a></svg>c", "c"),
        ("<style>body{}</style><form action=x><input><button>b</button></form>", "b"),
        ("</div></p></b>text<b><i>open</b>end", "text<b><i>open</i></b>end"),
        ("a <!-- hidden <b> --> b <!-- open <b>c", "<p>a  b &lt;!-- open <b>c</b></p>"),
        ("<base href=x><meta http-equiv=refresh><link rel=x>", "<p></p>"),
        ("<b <script>x</b>", "<p>&lt;b x</p>"),
        ("<table><td colspan='2' rowspan='x' align='evil'>c</td>",
         '<table><tbody><tr><td colspan="2">c</td></tr></tbody></table>'),
        ("<td>c</td>", "c"),
        ("```\n</code></pre><script>alert(1)</script>\n```",
         "<pre><code>&lt;/code&gt;&lt;/pre&gt;&lt;script&gt;alert(1)&lt;/script&gt;\n</code></pre>"),
        ("`<img src=x>` <http://a\"onclick=b>",
         f'<p><code>&lt;img src=x&gt;</code> <a href="http://a&quot;onclick=b"{REL}>http://a&quot;onclick=b</a></p>'),
    ],
)  # fmt: skip
def test_what_could_do_harm_is_dropped(text: str, shown: str) -> None:
    assert to_html(text) == shown


def test_other_addresses_are_resolved_by_the_page_or_dropped() -> None:
    def resolve(address: str) -> Optional[str]:
        return {"artifact://a": "/a", "evil://b": "javascript:alert(1)"}.get(address)

    shown = to_html("[a](artifact://a) [b](evil://b) [c](artifact://c) ![d](artifact://a)", resolve=resolve)
    assert shown == f'<p><a href="/a"{REL}>a</a> <a{REL}>b</a> <a{REL}>c</a> <a href="/a"{REL}>d</a></p>'


def test_fences_may_be_rendered_by_the_page_but_not_trusted() -> None:
    def term(text: str) -> str:
        return f'<span class="term-fg31">{text}</span><script>y</script>'

    shown = to_html("```term\nx\n```", fences={"term": term})
    assert shown == '<pre><code><span class="term-fg31">x\n</span></code></pre>'


class Checker(html.parser.HTMLParser):
    """Fails on elements, attributes and addresses that no sanitized text holds, and on wrong nesting."""

    forbidden = {"script", "style", "iframe", "img", "object", "svg", "form", "input", "link", "meta", "base"}
    attributes = {"href", "title", "rel", "class", "align", "colspan", "rowspan", "start", "open"}

    def __init__(self) -> None:
        super().__init__()
        self.open: List[str] = []

    def handle_starttag(self, tag: str, attrs: List[Tuple[str, Optional[str]]]) -> None:
        assert tag not in self.forbidden
        for name, value in attrs:
            assert name in self.attributes
            assert name != "href" or not (value or "").strip().lower().startswith(("javascript", "data", "//", "\\"))
        if tag not in ("br", "hr", "wbr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_comment(self, data: str) -> None:
        raise AssertionError("a comment")


PIECES = [
    "<script>", "</script>", "<b>", "</b>", "<a href='", "javascript:", "'>", "</a>", "<details>",
    "</details>", "<!--", "-->", "*", "**", "_", "~~", "`", "```", "[", "](", ")", "![", "<", ">", '"', "'",
    "&", "&lt;", "&#106;", "\n", "\n\n", "- ", "1. ", "> ", "# ", "    ", "|", "|-|-|", "\\", "text", " ",
    "<img src=x onerror=y>", "<svg/onload=x>", "http://", "---", "===", "\t", "<p class=term-x", "<td ",
    "colspan=", "\u00fc", "\x00", "<http://", "[ ] ",
]  # fmt: skip


@pytest.mark.parametrize("seeds", [range(1000), pytest.param(range(1000, 3000), marks=pytest.mark.soak)])
def test_random_texts_become_safe_html(seeds: range) -> None:
    for seed in seeds:
        chance = random.Random(seed)
        text = "".join(chance.choice(PIECES) for _ in range(chance.randint(0, 80)))
        checker = Checker()
        checker.feed(to_html(text))
        checker.close()
        assert not checker.open, (seed, text)


def test_nesting_is_bounded() -> None:
    assert to_html("> " * 500 + "x").count("<blockquote>") == 20
    assert to_html("<b>" * 500 + "x").count("<b>") == 99
