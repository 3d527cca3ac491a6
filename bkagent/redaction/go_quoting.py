"""Text as Go's `%q` shows it, without the quotation marks: programs written in Go print secrets like that."""

_NAMED = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    "\\": "\\\\",
    '"': '\\"',
}


def go_quoted(text: str) -> str:
    """Return `text` with quotes, backslashes and what cannot be printed escaped as in a Go string literal.

    Bytes that are no UTF-8, as the environment brings them (surrogate escapes), become `\\xNN`.
    """
    if text.isprintable() and "\\" not in text and '"' not in text:
        return text
    return "".join(letter if letter.isprintable() and letter not in '\\"' else _escape(letter) for letter in text)


def _escape(letter: str) -> str:
    named = _NAMED.get(letter)
    if named is not None:
        return named
    code = ord(letter)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if 0xD800 <= code <= 0xDFFF:
        return "\ufffd"  # a lone surrogate is no text to Go
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
