"""The forms in which a secret comes along in logs: base64, percent signs, JSON, XML and shell quotes.

On the short path. Standard library modules for these load too much there, and know one form of several each.
"""

from binascii import b2a_base64

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Dict, Iterator, List, Tuple

SHORTEST_BYTES = 8  # what encodes fewer bytes is met by chance
LONGEST_BYTES = 16 * 1024
FORMS_LIMIT = 64  # of one secret

# Values that stand in for a secret in examples and tests. Their encoded forms are not secret either.
COMMON = frozenset(
    (
        "password", "passw0rd", "changeme", "username", "example", "examples", "localhost", "undefined", "disabled",
        "development", "production", "staging", "internal", "anonymous", "postgres", "postgresql", "mongodb",
        "rabbitmq", "redacted", "testtest", "12345678", "123456789", "1234567890",
    )
)  # fmt: skip

UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
_PLAIN = UNRESERVED + b"~"
# How many bytes are before the secret, and how many letters those decide as well.
BASE64_STARTS = ((0, 0), (1, 2), (2, 3))
_WRAPS = (76, 64)  # columns: base64 and MIME, openssl and PEM
TO_URL_ALPHABET = bytes.maketrans(b"+/", b"-_")

# What different encoders leave as it is, besides letters, digits, "-", "_" and ".".
_LEFT = (
    b"~",  # RFC 3986
    b"~/",  # Python
    b"~!'()*",  # encodeURIComponent
    b"~!'()*;/?:@&=+$,#",  # encodeURI
    b"~!$&'()*+,;=:@",  # a part of a path, RFC 3986
    b"~$&+=:@",  # a part of a path, Go
    b"",  # PHP of old
)
_LEFT_BY_FORMS = (b"*", b"~", b"")  # browsers; Python and Go; others

_JSON_SHORT = {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}
_C_SHORT = {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r", 27: "\\E", 39: "\\'", 92: "\\\\"}
_MARKUP: "Tuple[Dict[str, str], ...]" = (
    {}, {'"': "&quot;"}, {'"': "&quot;", "'": "&#39;"}, {'"': "&quot;", "'": "&#039;"}, {'"': "&quot;", "'": "&#x27;"},
    {'"': "&quot;", "'": "&apos;"}, {'"': "&#34;", "'": "&#39;"},
    {'"': "&#34;", "'": "&#39;", "\n": "&#xA;", "\r": "&#xD;", "\t": "&#x9;"},
    {'"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"},
)  # fmt: skip


def forms(secret: bytes) -> "List[bytes]":
    """Return the encoded forms of `secret` that differ from it, each once; none for texts not secret when encoded."""
    if not SHORTEST_BYTES <= len(secret) <= LONGEST_BYTES or len(set(secret)) < 3:
        return []
    text = secret.decode("utf-8", "surrogateescape")
    if text.lower() in COMMON:
        return []
    forms_in_order: "Dict[bytes, None]" = dict.fromkeys(_base64(secret))
    if secret.translate(None, _PLAIN):
        forms_in_order.update(dict.fromkeys(_percent(secret)))
        for form in (*_json(text), *_markup(text), *_shell(text)):
            forms_in_order[form.encode("utf-8", "surrogateescape")] = None
    forms_in_order.pop(secret, None)
    return list(forms_in_order)[:FORMS_LIMIT]


def _base64(secret: bytes) -> "Iterator[bytes]":
    """Yield what the secret alone decides of base64 that it is a part of, at each of the three places to begin."""
    for offset, hidden in BASE64_STARTS:
        whole = b"\0" * offset + secret
        solid = b2a_base64(whole, newline=False)[hidden : len(whole) * 8 // 6]
        ends = b2a_base64(whole, newline=False)[hidden:]
        # `echo` adds a line feed.
        echoed = b2a_base64(whole + b"\n", newline=False)[hidden:]
        for form in (solid, ends, ends.rstrip(b"="), echoed, echoed.rstrip(b"=")):
            yield form
            yield form.translate(TO_URL_ALPHABET)
    for line_bytes in _WRAPS:
        whole = b2a_base64(secret, newline=False)
        if len(whole) > line_bytes:
            # Without the last line's end, which may differ by what follows the secret.
            solid = whole[: len(secret) * 8 // 6]
            for form in (solid, whole):
                yield b"\n".join(form[at : at + line_bytes] for at in range(0, len(form), line_bytes))


def _percent(secret: bytes) -> "Iterator[bytes]":
    for form in ("%%%02X", "%%%02x"):
        for left in _LEFT:
            kept = UNRESERVED + left
            yield b"".join(bytes((byte,)) if byte in kept else (form % byte).encode() for byte in secret)
        for left in _LEFT_BY_FORMS:
            kept = UNRESERVED + left
            coded = (bytes((byte,)) if byte in kept else (form % byte).encode() for byte in secret)
            yield b"".join(coded).replace(b"%20", b"+")


def _json(text: str) -> "Iterator[str]":
    plain = "".join(map(_json_letter, text))
    ascii_only = "".join(letter if letter < "\x7f" else _units(letter, "\\u%04x") for letter in plain)
    marked = plain
    for letter in "<>&":
        marked = marked.replace(letter, _units(letter, "\\u%04x"))
    more = "<>&'+`\""
    more_marked = "".join(_units(letter, "\\u%04X") if letter in more else _json_letter(letter) for letter in text)
    yield from (plain, ascii_only, plain.replace("/", "\\/"), ascii_only.replace("/", "\\/"), marked, more_marked)
    yield "".join(letter if letter < "\x7f" else _units(letter, "\\u%04X") for letter in plain)
    # JSON as a text within JSON.
    yield "".join(map(_json_letter, plain))


def _json_letter(letter: str) -> str:
    code = ord(letter)
    return _JSON_SHORT.get(code) or (f"\\u{code:04x}" if code < 0x20 else letter)


def _units(letter: str, form: str) -> str:
    """Return a letter as its one or two units of UTF-16; other characters are unchanged."""
    code = ord(letter)
    if 0xD800 <= code < 0xE000:
        return letter
    if code < 0x10000:
        return form % code
    code -= 0x10000
    return form % (0xD800 + (code >> 10)) + form % (0xDC00 + (code & 0x3FF))


def _markup(text: str) -> "Iterator[str]":
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for more in _MARKUP:
        yield _replaced(escaped, more.__getitem__, more)
    yield _replaced(text.replace("&", "&amp;").replace("<", "&lt;"), lambda letter: "&quot;", '"')


def _shell(text: str) -> "Iterator[str]":
    yield text.replace("'", "'\\''")
    yield text.replace("'", "'\"'\"'")
    yield _replaced(text, "\\".__add__, '\\"$`')
    yield _replaced(text, "\\".__add__, '\\"$`!')
    # As `printf %q` of several shells.
    yield _replaced(text, "\\".__add__, " \t!\"#$&'()*,;<=>?[\\]^`{|}~")
    yield _replaced(text, "\\".__add__, " \t!\"$&'()*,;<>?[\\]^`{|}")
    yield _replaced(text, "\\".__add__, " \t!\"$&'()*;<>?[\\]^`{|}")
    yield "".join(_C_SHORT.get(ord(letter), letter) for letter in text)
    yield text.replace("'", "''")  # PowerShell


def _replaced(text: str, form: "Callable[[str], str]", letters: object) -> str:
    return "".join(form(letter) if letter in letters else letter for letter in text)  # type: ignore[operator]
