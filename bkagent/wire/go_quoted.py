"""Text in quotes as Go's `%q` spells it: the form of env files, of log lines, of a secret's second needle."""

_SHORT = {
    7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\",
}  # fmt: skip


def go_quote(text: str) -> str:
    """Return `text` in double quotes. Bytes that are not UTF-8 are `\\xNN`; in `text` they are surrogate escapes."""
    return '"' + body(text) + '"'


def body(text: str) -> str:
    """Return what `go_quote` puts between the quotes."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return text
    return "".join(map(_escape, text))


def _escape(letter: str) -> str:
    code = ord(letter)
    if code in _SHORT:
        return _SHORT[code]
    if letter.isprintable():
        return letter
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if 0xD800 <= code <= 0xDFFF:
        return "\\ufffd"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
