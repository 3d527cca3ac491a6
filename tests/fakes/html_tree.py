"""The nodes that well-formed markup has, and a check of them against lists; Chromium's own come from `browser`."""

from __future__ import annotations

import html.parser
import re
from typing import Any, List, Mapping, Optional, Sequence, Tuple

Node = Any  # a text, or [name, attributes, children]


class Tree(html.parser.HTMLParser):
    """The nodes of markup that closes what it opens."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.nodes: List[Node] = []
        self.open: List[Node] = [["", {}, self.nodes]]
        self.feed(text)
        self.close()
        assert len(self.open) == 1, "not closed"

    def handle_starttag(self, tag: str, attrs: List[Tuple[str, Optional[str]]]) -> None:
        node = [tag, dict(attrs), []]
        assert len(node[1]) == len(attrs), "an attribute twice"
        self.open[-1][2].append(node)
        if tag not in ("br", "hr", "wbr"):
            self.open.append(node)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag, "crossed"

    def handle_data(self, data: str) -> None:
        children = self.open[-1][2]
        if children and isinstance(children[-1], str):
            children[-1] += data
        else:
            children.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError("a comment")

    handle_decl = handle_pi = unknown_decl = handle_comment


def check_allowed(nodes: List[Node], allowed: Mapping[str, Sequence[str]], values: Mapping[str, str]) -> None:
    """Fail on any element, attribute or value beyond the allowed ones; `values` has a pattern for each attribute."""
    for node in nodes:
        if isinstance(node, str):
            continue
        name, attributes, children = node
        assert name in allowed and set(attributes) <= set(allowed[name]), node[:2]
        for key, value in attributes.items():
            assert re.fullmatch(values[key], value or "", re.DOTALL), (name, key, value)
        check_allowed(children, allowed, values)


def text_of(nodes: List[Node]) -> str:
    """Return the text that nodes show."""
    return "".join(node if isinstance(node, str) else text_of(node[2]) for node in nodes)
