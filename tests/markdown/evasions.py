"""Markup that has led sanitizers astray: the known classes by name, and a generator that composes their pieces."""

from __future__ import annotations

import random
from typing import Dict, List

KNOWN: Dict[str, str] = {
    # Schemes as browsers read them.
    "scheme": "<a href='javascript:alert(1)'>x</a>",
    "scheme in capitals": "<a href='JaVaScRiPt:alert(1)'>x</a>",
    "tab in scheme": "<a href='java\tscript:alert(1)'>x</a>",
    "newline in scheme": "<a href='java\nscript:alert(1)'>x</a>",
    "carriage return in scheme": "<a href='java\rscript:alert(1)'>x</a>",
    "tab entity in scheme": "<a href='java&Tab;script:alert(1)'>x</a>",
    "newline entity in scheme": "<a href='java&NewLine;script:alert(1)'>x</a>",
    "decimal tab in scheme": "<a href='java&#9;script:alert(1)'>x</a>",
    "hex newline without semicolon": "<a href='java&#x0Ascript:alert(1)'>x</a>",
    "tabs between all letters": "<a href='j\ta\tv\ta\ts\tc\tr\ti\tp\tt\t:alert(1)'>x</a>",
    "tab before the colon": "<a href='javascript\t:alert(1)'>x</a>",
    "colon as entity": "<a href='javascript&colon;alert(1)'>x</a>",
    "colon as number": "<a href='javascript&#58;alert(1)'>x</a>",
    "letters as numbers": "<a href='&#106;&#97;&#118;&#97;&#115;&#99;&#114;&#105;&#112;&#116;:alert(1)'>x</a>",
    "numbers without semicolons": "<a href='&#106&#97&#118&#97&#115&#99&#114&#105&#112&#116&#58alert(1)'>x</a>",
    "padded numbers": "<a href='&#0000106&#0000097&#0000118&#0000097script:alert(1)'>x</a>",
    "hex letters": "<a href='&#x6A&#x61&#x76&#x61script:alert(1)'>x</a>",
    "control before scheme": "<a href='\x01javascript:alert(1)'>x</a>",
    "control entity before scheme": "<a href='&#14; javascript:alert(1)'>x</a>",
    "control entity in scheme": "<a href='java&#1;script:alert(1)'>x</a>",
    "null in scheme": "<a href='java\0script:alert(1)'>x</a>",
    "null in tag": "<scr\0ipt>alert(1)</scr\0ipt><im\0g src=x: onerror=alert(1)>",
    "blanks before scheme": "<a href=' \n\t javascript:alert(1)'>x</a>",
    "no-break space before scheme": "<a href='\u00a0javascript:alert(1)'>x</a>",
    "vbscript": "<a href='vb\tscript:msgbox(1)'>x</a>",
    "data": "<a href='da\nta:text/html,<script>alert(1)</script>'>x</a>",
    "data in capitals and base64": "<a href='DATA:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg=='>x</a>",
    "blob and filesystem": "<a href='blob:https://pages.test/1'>x</a><a href='filesystem:https://pages.test/1'>y</a>",
    "view-source and about": "<a href='view-source:https://a'>x</a><a href='about:blank'>y</a><a href='file:"
    "///etc'>z</a>",
    "another host": "<a href='//evil.test'>x</a><a href='/\t/evil.test'>y</a><a href='/\\evil.test'>z</a>",
    "another host by backslashes": "<a href='\\\\evil.test'>x</a><a href='\\\n/evil.test'>y</a><a href=' //e"
    "vil.test'>z</a>",
    "percent escapes in scheme": "<a href='java%0ascript:alert(1)'>x</a><a href='%6aavascript:alert(1)'>y</a>",
    "markdown link": "[x](javascript:alert(1)) [y](<java\tscript:alert(1)>) [z](java&Tab;script&colon;alert(1))",
    "markdown image": '![x](javascript:alert(1)) ![y](<x: "onerror=alert(1)>) !["><img src=x: onerror=alert(1)>](z)',
    "markdown autolink": '<javascript:alert(1)> <java\tscript:alert(1)> <http://x"onmouseover=alert(1)//>',
    "markdown title": "[x](y \"z'onmouseover=alert(1) \") [x](y 'z\"onmouseover=alert(1) ')",
    # Attributes.
    "event handlers": "<p onclick=alert(1)>a</p><details open ontoggle=alert(1)>b</details><b onpointerenter"
    "=alert(1)>c</b>",
    "handler after slash": "<img/src=x:/onerror=alert(1)><svg/onload=alert(1)>",
    "handler after form feed": "<img\x0csrc=x:\x0conerror=alert(1)>",
    "handler after a bare quote": '<img """><img src=x: onerror=alert(1)>">',
    "handler in unclosed tag": "<img src=x: onerror=alert(1)//",
    "handler behind two brackets": "<<img src=x: onerror=alert(1)>> <img src=x: onerror=alert(1)<b>",
    "duplicate attributes": "<a href='https://a.test' href='javascript:alert(1)' HREF='data:,x'>x</a>",
    "unquoted value": '<a title=x"onmouseover=alert(1) href=javascript:alert(1)>x</a>',
    "backticks": "<a title=`onmouseover=alert(1)` href=`javascript:alert(1)`>x</a><img src=`x:` alt=``onerro"
    "r=alert(1)>",
    "quotes by entity": "<a title='&quot; onmouseover=&quot;alert(1)' href='https://a/&#34;onclick=&#34;aler"
    "t(1)'>x</a>",
    "style and background": "<div style='background:url(javascript:alert(1))'>a</div><table background='java"
    "script:alert(1)'>",
    "addresses of other attributes": "<a href='x' ping='https://evil.test' target=_top download xlink:href='"
    "javascript:alert(1)'"
    " formaction='javascript:alert(1)' srcset='x: 1x' poster='javascript:alert(1)'>x</a>",
    "forms": "<form action='javascript:alert(1)'><input formaction='javascript:alert(1)' autofocus onfocus=alert(1)>"
    "<button formaction='javascript:alert(1)'>b</button><isindex action=javascript:alert(1)></form>",
    "clobbered names": "<a id=body name=forms class='note line' href=x>a</a><p id=out>b</p><form name=cookie"
    "><img name=body>",
    # Elements.
    "script": "<script>alert(1)</script><ScRiPt\n>alert(1)</sCrIpT\t><script/x>alert(1)</script >",
    "script without end": "a<script>alert(1)",
    "script in script": "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "frames and objects": "<iframe srcdoc='<script>parent.alert(1)</script>'></iframe><object data='javascri"
    "pt:alert(1)'>"
    "</object><embed src='javascript:alert(1)'><frameset onload=alert(1)>",
    "document elements": "<base href='https://evil.test/'><meta http-equiv=refresh content='0;url=javascript:alert(1)'>"
    "<link rel=stylesheet href='data:,x'><body onload=alert(1)><html onclick=alert(1)>",
    "media": "<video poster='x:' onerror=alert(1)><source onerror=alert(1)></video><audio src=x: onerror=alert(1)>",
    "stray svg": "before <svg> after <b>bold</b>",
    "svg": "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a><animate onbegin=alert(1)></svg>",
    "math": "<math><mtext><table><mglyph><style><img src=x: onerror=alert(1)></style></mglyph></table></mtext></math>",
    "math in form": "<form><math><mtext></form><form><mglyph><svg><mtext><style><path id='</style><img src=x: "
    "onerror=alert(1)>'>",
    "svg with style and title": "<svg></p><style><a title='</style><img src=x: onerror=alert(1)>'></svg>",
    "foreign object": "<svg><foreignObject><p><title><img src=x: onerror=alert(1)></title></foreignObject></svg>",
    "noscript": "<noscript><p title='</noscript><img src=x: onerror=alert(1)>'></noscript>",
    "template": "<template><img src=x: onerror=alert(1)></template><template shadowrootmode=open><script>ale"
    "rt(1)</script>",
    "title and textarea": "<title><a title='</title><img src=x: onerror=alert(1)>'><textarea></textarea><img src=x: "
    "onerror=alert(1)></textarea>",
    "raw text elements": "<xmp><p title='</xmp><img src=x: onerror=alert(1)>'></xmp><noembed></noembed><img src=x: "
    "onerror=alert(1)></noembed><plaintext><img src=x: onerror=alert(1)>",
    "comments": "<!--><img src=x: onerror=alert(1)>--><!-- --!><img src=x: onerror=alert(1)>--><!--->"
    "<img src=x: onerror=alert(1)>-->",
    "declarations": "<![CDATA[<img src=x: onerror=alert(1)>]]><!DOCTYPE x [<!ENTITY y 'z'>]><?xml <img src=x: "
    "onerror=alert(1)>?></ <img src=x: onerror=alert(1)>>",
    "select": "<select><option><style></option></select><img src=x: onerror=alert(1)></style>",
    # Nesting that parsers mend.
    "cells without table": "<td>a</td><tr><td>b<caption>c</caption><col><tbody>d",
    "table without cells": "<table>text<b>bold<tr>row<p>para<td>cell<table>inner</table>tail</table>after",
    "crossed tags": "<b><p>1<i>2</b>3</p>4</i>5<a href=x>6<a href=y>7<table><a href=z>8</table>9",
    "paragraphs in everything": "<p><h1><h2><li><ul><li><p>a<li><b>b<blockquote>c<li>d</ul></b></p>e</h1>",
    "deep nesting": "<div><b><i><span>" * 60 + "x<img src=x: onerror=alert(1)>",
    "custom elements": "<x-y onclick=alert(1) onfocus=alert(1) tabindex=0 autofocus>a</x-y><a:b onload=alert(1)>c",
}

_PIECES: List[str] = [
    "<", ">", "</", "/>", "'", '"', "`", "=", "&", ";", " ", "\n", "\n\n", "\t", "\r", "\0", "\x0c", "\x01", "\\",
    "/", "text", "\u00fc", "\u2028", "&lt;", "&gt;", "&amp;", "&quot", "&#106", "&#x6a;", "&Tab;", "&NewLine;",
    "&colon;", "&#0;", "&#128;", "&#xD800;", "&#99999999999;", "&copy=", "&notit;", "&nbsp;", "javascript:",
    "java\tscript:", "java\nscript:", "JAVASCRIPT", "vbscript:", "data:", "blob:", "http:", "https://a.test/",
    "mailto:", "artifact://a", "//evil.test", "\\\\evil.test", "alert(1)", "<a href='", "<a href=", "<a\nhref = \"",
    "</a>", "<img src=x: onerror=alert(1)>", "<img src='", "<img alt='", "<svg onload=alert(1)>", "<svg>", "</svg>",
    "<math>", "</math>", "<mtext>", "<mglyph>", "<foreignObject>", "<desc>", "<title>", "</title>", "<style>",
    "</style>", "<script>", "</script>", "<script src=x:>", "<template>", "</template>", "<noscript>", "</noscript>",
    "<textarea>", "</textarea>", "<xmp>", "</xmp>", "<plaintext>", "<iframe srcdoc='", "<iframe>", "</iframe>",
    "<object>", "<select>", "</select>", "<option>", "<form id=x>", "</form>", "<input autofocus onfocus=alert(1)>",
    "<button>", "<base href=//evil.test>", "<meta ", "<link ", "<body onload=alert(1)>", "<!--", "-->", "--!>",
    "<!-->", "<![CDATA[", "]]>", "<!DOCTYPE html>", "<?x ", "<p>", "</p>", "<p onclick=alert(1)>", "<div ", "<div>",
    "</div>", "<b>", "</b>", "<i>", "</i>", "<em>", "<code>", "</code>", "<pre>", "</pre>", "<pre>\n\n", "<h1>",
    "</h2>", "<ul>", "<ol start=2>", "<li>", "</li>", "</ul>", "<dl>", "<dt>", "<dd>", "<blockquote>",
    "</blockquote>", "<table>", "</table>", "<caption>", "<thead>", "<tbody>", "<tr>", "</tr>", "<td>", "</td>",
    "<td colspan=9 rowspan='2'>", "<th align=left>", "<hr>", "<br>", "</br>", "<details open ontoggle=alert(1)>",
    "</details>", "<summary>", "</summary>", "<span class='term-fg31 x'>", "</span>", " onerror=alert(1)",
    " onload=alert(1) ", " style='x:expression(alert(1))'", " id=out", " name=body",
    " formaction=javascript:alert(1)", " xlink:href='javascript:", " title='", ' class="', " srcset=x:", "*", "**",
    "_", "~~", "```", "~~~", "```term\n", "[", "](", ")", "![", "[x](", "| a | b |\n|---|---|\n| ", "|", "\n- ",
    "\n1. ", "\n> ", "\n# ", "\n    ", "\n---\n", "\n===\n", "\x1b[31m", "\x1b]8;;javascript:alert(1)\x07",
]  # fmt: skip


def composed(seed: int) -> str:
    """Return the hostile text of `seed`: 1 to 24 pieces, sometimes inside a known evasion."""
    chance = random.Random(seed)
    text = "".join(chance.choice(_PIECES) for _ in range(chance.randint(1, 24)))
    if chance.random() < 0.2:
        known = chance.choice(sorted(KNOWN.values()))
        at = chance.randint(0, len(known))
        text = known[:at] + text + known[at:]
    return text
