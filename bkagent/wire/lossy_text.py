"""Bytes that should be UTF-8 as a text, as Go's JSON writes a text that is not: U+FFFD for each byte that does not fit.

What names a file in the body of one request is found so by the bytes of another. On the short path.
"""

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def decode(data: bytes) -> str:
    """Return the text of the bytes."""
    return replace_escaped(data.decode("utf-8", "surrogateescape"))


def replace_escaped(text: str) -> str:
    """Return a text with U+FFFD for each half of a surrogate pair, which also stand for bytes that do not fit."""
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
        return text
    except UnicodeEncodeError:
        return "".join(_REPLACEMENT if "\ud800" <= letter <= "\udfff" else letter for letter in text)
