"""Words of a command line, as the flags, shells and refspecs of the reference are split and shown.

Python's `shlex` differs where it matters: here a backslash makes the next character literal inside single quotes too.
"""

from __future__ import annotations

import os
from typing import List

ON_WINDOWS = os.sep == "\\"
ESCAPE = "^" if ON_WINDOWS else "\\"
_SPECIAL = "^&;,=%" if ON_WINDOWS else "!\"#$&'()*,;<=>?[]\\^`{}|~"
_BLANKS = " \t\n"


def split(text: str, escape: str = ESCAPE) -> List[str]:
    """Return the words of `text`. Raises ValueError for a quote that is not closed.

    Blanks (space, tab, line feed) part words; quotes keep them together and may stand next to other text; an escape
    as the last character is dropped. `escape` is a backslash, or `^` on Windows, where a doubled `"` inside quotes
    stands for one.
    """
    words: List[str] = []
    word: List[str] = []
    begun, quote, at = False, "", 0
    while at < len(text):
        letter = text[at]
        if letter == escape:
            at += 1
            if at < len(text):
                word.append(text[at])
                begun = True
        elif quote:
            if letter != quote:
                word.append(letter)
            elif escape == "^" and letter == '"' and text[at + 1 : at + 2] == '"':
                word.append(letter)
                at += 1
            else:
                quote = ""
        elif letter in "'\"":
            begun, quote = True, letter
        elif letter in _BLANKS:
            if begun:
                words.append("".join(word))
            word, begun = [], False
        else:
            word.append(letter)
            begun = True
        at += 1
    if quote:
        last = len(text.encode("utf-8", "surrogateescape")) - 1
        raise ValueError(f"expected closing quote {quote} at offset {last}, got EOF")
    if begun:
        words.append("".join(word))
    return words


def quoted(text: str) -> str:
    """Return one word as prompts show it: special characters escaped, in quotes when it is empty or has blanks."""
    escaped = "".join(ESCAPE + letter if letter in _SPECIAL else letter for letter in text)
    if not text or any(letter.isspace() for letter in text):
        return f'"{escaped}"'
    return escaped
