"""What is wrong with a JSON text, in the words of Go's encoding/json. Source: https://pkg.go.dev/encoding/json."""

from __future__ import annotations

from typing import Dict

from bkagent.wire import go_quoted

_BLANKS = b" \t\r\n"
_DIGITS = b"0123456789"
_HEX_DIGITS = b"0123456789abcdefABCDEF"
_LITERALS: Dict[int, bytes] = {word[0]: word for word in (b"true", b"false", b"null")}
_VALUE = "looking for beginning of value"
_KEY = "looking for beginning of object key string"
_HEX = "in \\u hexadecimal character escape"


class _Fault(Exception):
    """The first byte that cannot stand where it does, or the end of the text."""


def find_fault(text: bytes) -> str:
    """Return what is wrong with the first value of a text, "" for nothing. Raises RecursionError."""
    if not text.strip(_BLANKS):
        return "EOF"
    try:
        _Scan(text).skip_value()
    except _Fault as fault:
        return str(fault)
    return ""


class _Scan:
    """Walks over a text, byte by byte."""

    def __init__(self, text: bytes) -> None:
        self._text, self._at = text, 0

    def skip_value(self) -> None:
        """Walk over one value. Raises _Fault."""
        code = self._next_after_blanks()
        if code == ord("{"):
            self._skip_object()
        elif code == ord("["):
            self._skip_array()
        elif code == ord('"'):
            self._skip_string()
        elif code in _LITERALS:
            self._skip_literal(_LITERALS[code])
        elif code == ord("-") or code in _DIGITS:
            self._skip_number(code)
        else:
            raise self._wrong(code, _VALUE)

    def _skip_object(self) -> None:
        code = self._next_after_blanks()
        if code == ord("}"):
            return
        while True:
            if code != ord('"'):
                raise self._wrong(code, _KEY)
            self._skip_string()
            self._expect(self._next_after_blanks(), b":", "after object key")
            self.skip_value()
            code = self._next_after_blanks()
            self._expect(code, b",}", "after object key:value pair")
            if code == ord("}"):
                return
            code = self._next_after_blanks()

    def _skip_array(self) -> None:
        if self._next_after_blanks() == ord("]"):
            return
        self._at -= 1
        while True:
            self.skip_value()
            code = self._next_after_blanks()
            self._expect(code, b",]", "after array element")
            if code == ord("]"):
                return

    def _skip_string(self) -> None:
        while True:
            code = self._next()
            if code == ord('"'):
                return
            if code < 0x20:
                raise self._wrong(code, "in string literal")
            if code == ord("\\"):
                code = self._next()
                self._expect(code, b'"\\/bfnrtu', "in string escape code")
                for _ in range(4 if code == ord("u") else 0):
                    self._expect(self._next(), _HEX_DIGITS, _HEX)

    def _skip_literal(self, word: bytes) -> None:
        for code in word[1:]:
            self._expect(self._next(), bytes((code,)), f"in literal {word.decode()} (expecting '{chr(code)}')")

    def _skip_number(self, code: int) -> None:
        if code == ord("-"):
            code = self._next()
            self._expect(code, _DIGITS, "in numeric literal")
        if code != ord("0"):
            self._skip_digits()
        if self._peek() == ord("."):
            self._at += 1
            self._expect(self._next(), _DIGITS, "after decimal point in numeric literal")
            self._skip_digits()
        if self._peek() in b"eE":
            self._at += 1
            if self._peek() in b"+-":
                self._at += 1
            self._expect(self._next(), _DIGITS, "in exponent of numeric literal")
            self._skip_digits()

    def _skip_digits(self) -> None:
        while self._peek() in _DIGITS:
            self._at += 1

    def _peek(self) -> int:
        """Return the next byte, at the end one that continues nothing."""
        return self._text[self._at] if self._at < len(self._text) else 0

    def _next(self) -> int:
        if self._at >= len(self._text):
            raise _Fault("unexpected EOF")
        self._at += 1
        return self._text[self._at - 1]

    def _next_after_blanks(self) -> int:
        code = self._next()
        while code in _BLANKS:
            code = self._next()
        return code

    def _expect(self, code: int, codes: bytes, where: str) -> None:
        if code not in codes:
            raise self._wrong(code, where)

    def _wrong(self, code: int, where: str) -> _Fault:
        shown = {ord("'"): "\\'", ord('"'): '"'}.get(code) or go_quoted.body(chr(code))
        return _Fault(f"invalid character '{shown}' {where}")
