"""How a number is cut into digits, by which a point of a curve is multiplied.

`signed_digits` is fast, and for verification, where nothing is secret. `masked_digits` is for secrets: their count and
the operations that follow from them are the same for every number, and which digits they are differs each time.
"""

from __future__ import annotations

import secrets
from typing import List

WINDOW_BITS = 4
_MASK_BITS = 64


def signed_digits(number: int, width: int) -> List[int]:
    """Return digits of a number in base 2, lowest first, of which few are not 0: the non-adjacent form of that width.

    Each digit is 0 or odd, below 2 ** (width - 1) either way. Source: Guide to Elliptic Curve Cryptography,
    algorithm 3.35.
    """
    digits = []
    whole, half = 1 << width, 1 << (width - 1)
    while number:
        digit = 0
        if number & 1:
            digit = number & (whole - 1)
            if digit >= half:
                digit -= whole
            number -= digit
        digits.append(digit)
        number >>= 1
    return digits


def masked_digits(number: int, order: int) -> List[int]:
    """Return digits, lowest first, of the number plus a random multiple of `order`, in base 16 from 1 to 16.

    A random multiple of a point's order changes nothing of the product. The count depends on `order` alone, and no
    digit is 0, so that each calls for an addition.
    """
    length = -(-(order.bit_length() + _MASK_BITS) // WINDOW_BITS) * WINDOW_BITS
    # All sums have this very length, and a top digit of 8 or more, from which the others can borrow.
    lowest, highest = (1 << (length - 1)) // order + 1, (1 << length) // order - 1
    number += (lowest + secrets.randbelow(highest - lowest)) * order
    digits = []
    for _ in range(length // WINDOW_BITS - 1):
        digit = ((number - 1) & 15) + 1
        digits.append(digit)
        number = (number - digit) >> WINDOW_BITS
    return [*digits, number]
