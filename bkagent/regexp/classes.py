"""Sets of characters: `[a-z]`, `\\d`, `[[:alpha:]]`, `\\p{Lu}`, and what a character is when case does not count."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Iterable, Tuple

Ranges = Tuple[Tuple[int, int], ...]

LAST_CODE_POINT = 0x10FFFF
_DIGITS: Ranges = ((0x30, 0x39),)
_SPACES: Ranges = ((0x09, 0x0A), (0x0C, 0x0D), (0x20, 0x20))
_UPPER: Ranges = ((0x41, 0x5A),)
_LOWER: Ranges = ((0x61, 0x7A),)
_WORD: Ranges = (*_DIGITS, *_UPPER, (0x5F, 0x5F), *_LOWER)

# Source: https://pkg.go.dev/regexp/syntax, "Perl character classes" and "ASCII character classes".
PERL = {"d": _DIGITS, "s": _SPACES, "w": _WORD}
POSIX = {
    "alnum": (*_DIGITS, *_UPPER, *_LOWER),
    "alpha": (*_UPPER, *_LOWER),
    "ascii": ((0x00, 0x7F),),
    "blank": ((0x09, 0x09), (0x20, 0x20)),
    "cntrl": ((0x00, 0x1F), (0x7F, 0x7F)),
    "digit": _DIGITS,
    "graph": ((0x21, 0x7E),),
    "lower": _LOWER,
    "print": ((0x20, 0x7E),),
    "punct": ((0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)),
    "space": ((0x09, 0x0D), (0x20, 0x20)),
    "upper": _UPPER,
    "word": _WORD,
    "xdigit": (*_DIGITS, (0x41, 0x46), (0x61, 0x66)),
}  # fmt: skip
# Each letter names a group of the general categories that it begins, and is the category's name with one more letter.
_CATEGORIES = {"C": "cfos", "L": "lmotu", "M": "cen", "N": "dlo", "P": "cdefios", "S": "ckmo", "Z": "lps"}
CATEGORIES = frozenset(
    group + letter for group, letters in _CATEGORIES.items() for letter in ("", *letters)
)  # fmt: skip
# Letters that Unicode folds to ASCII ones: the long s and the sign of the Kelvin.
_FOLDED_TO_ASCII = {"s": "\u017f", "k": "\u212a"}


def complement(ranges: Ranges) -> Ranges:
    """Return the ranges of all other characters."""
    others = []
    start = 0
    for low, high in sorted(ranges):
        if low > start:
            others.append((start, low - 1))
        start = max(start, high + 1)
    if start <= LAST_CODE_POINT:
        others.append((start, LAST_CODE_POINT))
    return tuple(others)


def is_word(character: str) -> bool:
    """Return whether `\\b` takes the character for one of a word; "" is not one."""
    return bool(character) and (character.isascii() and (character.isalnum() or character == "_"))


@dataclass(frozen=True)
class CharacterSet:
    """The characters that one place of a pattern accepts.

    categories  general categories of Unicode, each with whether it is taken the other way round
    """

    ranges: Ranges = ()
    categories: Tuple[Tuple[str, bool], ...] = ()
    is_negated: bool = False
    ignores_case: bool = False

    def accepts(self, character: str) -> bool:
        """Return whether the set has the character, or one that differs from it only by case."""
        variants = _variants(character) if self.ignores_case else (character,)
        has_character = any(_is_in(ord(variant), self.ranges) for variant in variants) or any(
            any(unicodedata.category(variant).startswith(name) for variant in variants) is not is_negated
            for name, is_negated in self.categories
        )
        return has_character is not self.is_negated


def _is_in(code_point: int, ranges: Ranges) -> bool:
    return any(low <= code_point <= high for low, high in ranges)


def _variants(character: str) -> Iterable[str]:
    upper, lower = character.upper(), character.lower()
    folded = upper.lower() if len(upper) == 1 else lower
    variants = {character, upper, lower, folded, folded.upper(), _FOLDED_TO_ASCII.get(folded, character)}
    return [variant for variant in variants if len(variant) == 1]
