"""Markdown from anyone to HTML that is safe in a page."""

from __future__ import annotations

from typing import Callable, Mapping, Optional

from bkagent.markdown.addresses import Resolve
from bkagent.markdown.allowance import Allowance
from bkagent.markdown.blocks import blocks
from bkagent.markdown.safe_html import safe_html


def to_html(
    text: str,
    *,
    fences: Optional[Mapping[str, Callable[[str], str]]] = None,
    resolve: Optional[Resolve] = None,
    allowance: Optional[Allowance] = None,
) -> str:
    """Return the HTML of a text in Markdown (CommonMark and GitHub's tables, strikes and bare links, in short).

    fences      for a language of fenced code, what renders it; its HTML is sanitized like all the rest
    resolve     turns an address of another scheme than http, https and mailto into a path, or None
    allowance   the marks that the text may have, from which those that it has are taken; what comes after is plain text
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd").split("\n")
    pieces = blocks([_indented(line) for line in lines], fences or {}, allowance or Allowance())
    return safe_html("\n".join(pieces), resolve)


def _indented(line: str) -> str:
    """Return a line whose indentation is of blanks: a tab there counts as up to four."""
    if "\t" not in line:
        return line
    content = line.lstrip(" \t")
    return line[: len(line) - len(content)].expandtabs(4) + content
