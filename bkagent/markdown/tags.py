"""Tags in a text and their attributes, read as HTML parsers read them."""

from __future__ import annotations

import re
from typing import Dict, Pattern

from bkagent.markdown.characters import decoded

# No "<" inside, not even in quotes: so the search for the end of one tag never passes the beginning of the next.
_TAG = r"(/?)([A-Za-z][A-Za-z0-9-]{0,31})((?:[\s/](?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*)?)>"
TAG = re.compile("<" + _TAG)
# What may begin markup: a tag, whole, or the beginning of a comment, or a sign that is text.
MARKUP = re.compile(f"<(?:{_TAG}|!--)?")
_ATTRIBUTE = re.compile(r"([^\s/>=][^\s/>=]*)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>]+)))?")
_COMMENT_END = re.compile(r"--!?>")


def attributes(text: str) -> Dict[str, str]:
    """Return the attributes of a tag, names in small letters; of two with one name the first counts."""
    given: Dict[str, str] = {}
    for name, quoted, single, bare in _ATTRIBUTE.findall(text):
        given.setdefault(name.lower(), decoded(quoted or single or bare, in_attribute=True))
    return given


class Ends:
    """Finds where comments and elements of one text end; looks no second time for an end that is missing.

    Where nothing ends what begins, it swallows nothing: what follows would be lost otherwise.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._missing: Dict[str, int] = {}

    def of_comment(self, start: int) -> int:
        """Return the place after the comment whose "<!--" stands at `start`, -1 where it does not end."""
        return self._after(_COMMENT_END, "", start + 2)

    def of_element(self, name: str, start: int) -> int:
        """Return the place after the next end tag of `name`, -1 if there is none."""
        return self._after(re.compile(rf"</{name}(?=[\s/>])[^<>]*>?", re.IGNORECASE), name, start)

    def _after(self, pattern: "Pattern[str]", kind: str, start: int) -> int:
        if start >= self._missing.get(kind, len(self._text) + 1):
            return -1
        end = pattern.search(self._text, start)
        if end is None:
            self._missing[kind] = start
            return -1
        return end.end()
