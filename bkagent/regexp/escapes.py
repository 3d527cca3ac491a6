"""What stands behind a backslash: `\\d`, `\\p{Lu}`, `\\x2e`, `\\.`."""

from __future__ import annotations

from typing import Tuple

from bkagent.regexp.classes import CATEGORIES, LAST_CODE_POINT, PERL, CharacterSet
from bkagent.regexp.syntax import PatternError

_CONTROLS = {"a": 7, "f": 12, "t": 9, "n": 10, "r": 13, "v": 11}
_OCTAL = "01234567"
_HEX = "0123456789abcdefABCDEF"


def read_escape(text: str, at: int) -> Tuple[CharacterSet, int]:
    """Return the characters that the escape at `at` stands for, and where it ends. Raises PatternError."""
    letter = text[at + 1 : at + 2]
    if not letter:
        raise PatternError("trailing backslash at end of expression")
    if letter.lower() in PERL:
        return CharacterSet(PERL[letter.lower()], is_negated=letter.isupper()), at + 2
    if letter in "pP":
        return _category(text, at)
    code_point, end = read_character(text, at)
    return CharacterSet(((code_point, code_point),)), end


def read_character(text: str, at: int) -> Tuple[int, int]:
    """Return the one character that the escape at `at` stands for, and where it ends. Raises PatternError."""
    letter = text[at + 1 : at + 2]
    if letter in _CONTROLS and letter:
        return _CONTROLS[letter], at + 2
    if letter == "0" or (letter in _OCTAL and letter and text[at + 2 : at + 3] in _OCTAL and text[at + 2 : at + 3]):
        end = at + 1
        while end < at + 4 and text[end : end + 1] in _OCTAL and text[end : end + 1]:
            end += 1
        return int(text[at + 1 : end], 8), end
    if letter == "x":
        return _hexadecimal(text, at)
    if letter.isascii() and letter and not letter.isalnum():
        return ord(letter), at + 2
    raise PatternError(f"invalid escape sequence: \\{letter}")


def _hexadecimal(text: str, at: int) -> Tuple[int, int]:
    if text[at + 2 : at + 3] == "{":
        end = text.find("}", at)
        digits = text[at + 3 : end] if end >= 0 else ""
        end += 1
    else:
        digits, end = text[at + 2 : at + 4], at + 4
        digits = digits if len(digits) == 2 else ""
    if not digits or len(digits) > 8 or not all(digit in _HEX for digit in digits):
        raise PatternError(f"invalid escape sequence: {text[at : at + 4]}")
    code_point = int(digits, 16)
    if code_point > LAST_CODE_POINT:
        raise PatternError(f"invalid escape sequence: {text[at:end]}")
    return code_point, end


def _category(text: str, at: int) -> Tuple[CharacterSet, int]:
    if text[at + 2 : at + 3] == "{":
        end = text.find("}", at)
        name = text[at + 3 : end] if end >= 0 else ""
        end += 1
    else:
        name, end = text[at + 2 : at + 3], at + 3
    is_negated = (text[at + 1] == "P") is not name.startswith("^")
    name = name.lstrip("^")
    if name == "Any":
        return CharacterSet(((0, LAST_CODE_POINT),), is_negated=is_negated), end
    if name not in CATEGORIES:
        raise PatternError(
            f"{text[at:end] or text[at:]} is not supported; of Unicode properties only general categories are"
        )
    return CharacterSet(categories=((name, is_negated),)), end
