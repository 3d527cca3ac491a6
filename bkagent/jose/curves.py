"""The curves P-256, P-384 and P-521 of NIST (FIPS 186-4, SP 800-186) and sums of their points.

Points are in Jacobian coordinates: (X, Y, Z) stands for (X / Z², Y / Z³), Z = 0 for the point at infinity.
Formulas: https://hyperelliptic.org/EFD/g1p/auto-shortw-jacobian-3.html, dbl-2001-b and add-2007-bl.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Optional, Tuple

from bkagent.jose.point_group import PointGroup

Point = Tuple[int, int, int]
_INFINITY: Point = (1, 1, 0)


@dataclass(frozen=True)
class Curve:
    """y² = x³ - 3x + b over the integers modulo `prime`. `order` is that of the base point and of the whole curve."""

    name: str
    prime: int
    b: int
    order: int
    base: Tuple[int, int]

    @property
    def size(self) -> int:
        """Bytes of a coordinate, and of a number below the order."""
        return (self.prime.bit_length() + 7) // 8

    def has(self, x: int, y: int) -> bool:
        """Return whether the coordinates are in range and those of a point of the curve."""
        p = self.prime
        return 0 <= x < p and 0 <= y < p and (y * y - (x * x - 3) * x - self.b) % p == 0


P256 = Curve(
    "P-256",
    2**256 - 2**224 + 2**192 + 2**96 - 1,
    0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
    0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    (
        0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
        0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    ),
)
P384 = Curve(
    "P-384",
    2**384 - 2**128 - 2**96 + 2**32 - 1,
    0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
    0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
    (
        0xAA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7,
        0x3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F,
    ),
)
P521 = Curve(
    "P-521",
    2**521 - 1,
    int(
        "0051953EB9618E1C9A1F929A21A0B68540EEA2DA725B99B315F3B8B489918EF109E156193951EC7E937B1652C0BD3BB1BF07"
        "3573DF883D2C34F1EF451FD46B503F00", 16,
    ),
    int("01" + "FF" * 32 + "FA51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409", 16),
    (
        int(
            "00C6858E06B70404E9CD9E3ECB662395B4429C648139053FB521F828AF606B4D3DBAA14B5E77EFE75928FE1DC127A2FFA8DE"
            "3348B3C1856A429BF97E7E31C2E5BD66", 16,
        ),
        int(
            "011839296A789A3BC0045C8A5FB42C7D1BD998F54449579B446817AFBD17273E662C97EE72995EF42640C550B9013FAD0761"
            "353C7086A272C24088BE94769FD16650", 16,
        ),
    ),
)  # fmt: skip


def double(point: Point, p: int) -> Point:
    """Return the sum of a point and itself."""
    x, y, z = point
    delta, gamma = z * z % p, y * y % p
    beta = x * gamma % p
    alpha = 3 * (x - delta) * (x + delta) % p
    sum_x = (alpha * alpha - 8 * beta) % p
    return sum_x, (alpha * (4 * beta - sum_x) - 8 * gamma * gamma) % p, ((y + z) ** 2 - gamma - delta) % p


def add(first: Point, second: Point, p: int) -> Point:
    """Return the sum of any two points."""
    x1, y1, z1 = first
    x2, y2, z2 = second
    if not z1:
        return second
    if not z2:
        return first
    squared1, squared2 = z1 * z1 % p, z2 * z2 % p
    u1, s1 = x1 * squared2 % p, y1 * z2 * squared2 % p
    h, r = (x2 * squared1 - u1) % p, (y2 * z1 * squared1 - s1) % p
    if not h:
        return _INFINITY if r else double(first, p)
    h_squared = h * h % p
    h_cubed, v = h * h_squared % p, u1 * h_squared % p
    sum_x = (r * r - h_cubed - 2 * v) % p
    return sum_x, (r * (v - sum_x) - s1 * h_cubed) % p, z1 * z2 * h % p


def affine(point: Point, p: int) -> Optional[Tuple[int, int]]:
    """Return the coordinates of a point, None for the one at infinity."""
    x, y, z = point
    if not z:
        return None
    inverse = pow(z, -1, p)
    squared = inverse * inverse % p
    return x * squared % p, y * squared * inverse % p


def multiply_base(number: int, curve: Curve) -> Tuple[int, int]:
    """Return the base point times a secret number from 1 to the order less 1."""
    p = curve.prime
    x, y = curve.base
    z = 1 + secrets.randbelow(p - 1)  # the same point in other coordinates each time
    squared = z * z % p
    product = _group(curve).multiply_secret(number, (x * squared % p, y * squared * z % p, z))
    coordinates = affine(product, p)
    assert coordinates is not None, "the number is no multiple of the order"
    return coordinates


def multiply_both(curve: Curve, of_base: int, of_point: int, point: Tuple[int, int]) -> Optional[Tuple[int, int]]:
    """Return the sum of the base point times a number and a point times another; nothing of it is secret."""
    total = _group(curve).add_multiples((of_base, (*curve.base, 1)), (of_point, (*point, 1)))
    return affine(total, curve.prime)


def _group(curve: Curve) -> PointGroup[Point]:
    p = curve.prime
    return PointGroup(
        _INFINITY, curve.order, lambda first, second: add(first, second, p), lambda point: double(point, p),
        lambda point: (point[0], p - point[1], point[2]),
    )  # fmt: skip
