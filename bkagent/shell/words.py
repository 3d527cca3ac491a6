"""Words of a command line, as the flags, shells and refspecs of the reference are split and shown.

Python's `shlex` differs where it matters: here a backslash makes the next character literal inside single quotes too.
"""

from __future__ import annotations

from typing import List

from bkagent.system.system_kind import ON_WINDOWS
from bkagent.wire import go_text

ESCAPE = "^" if ON_WINDOWS else "\\"
_SPECIAL = "^&;,=%" if ON_WINDOWS else "!\"#$&'()*,;<=>?[]\\^`{}|~"
_BLANKS = " \t\n"
_REPLACEMENT = "\ufffd"  # stands where a text was damaged on its way


def split(text: str, escape: str = ESCAPE) -> List[str]:
    """Return the words of `text`. Raises ValueError for a quote that is not closed, or a damaged letter.

    Blanks (space, tab, line feed) part words; quotes keep them together and may stand next to other text; an escape
    as the last character is dropped. `escape` is a backslash, or `^` on Windows, where a doubled `"` inside quotes
    stands for one, and one inside single quotes makes the next character literal.
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
            if escape == "^" and letter == '"' and (quote != '"' or text[at + 1 : at + 2] == '"'):
                at += 1
                word.append(text[at : at + 1])
            elif letter != quote:
                word.append(letter)
            else:
                quote = ""
        elif letter in "'\"":
            begun, quote = True, letter
        elif letter in _BLANKS:
            if begun:
                words.append("".join(word))
            word, begun = [], False
        elif letter == _REPLACEMENT:
            at_byte = len(text[: at + 1].encode("utf-8", "surrogateescape"))
            raise ValueError(f"unhandled character {letter} at pos {at_byte}")
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
    if not text or go_text.has_space(text):
        return f'"{escaped}"'
    return escaped
