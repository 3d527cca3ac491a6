"""Ed25519 (RFC 8032 section 5.1): keys of 32 bytes, signatures of 64.

Points are in extended coordinates: (X, Y, Z, T) stands for x = X / Z, y = Y / Z, x * y = T / Z. Formulas:
https://hyperelliptic.org/EFD/g1p/auto-twisted-extended-1.html, add-2008-hwcd-3 and dbl-2008-hwcd. They hold for
all points.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Optional, Tuple

from bkagent.jose.errors import InvalidKey
from bkagent.jose.point_group import PointGroup

Point = Tuple[int, int, int, int]

SIZE = 32
_P = 2**255 - 19
_D = -121665 * pow(121666, -1, _P) % _P
_ORDER = 2**252 + 27742317777372353535851937790883648493
_ROOT_OF_MINUS_ONE = pow(2, (_P - 1) // 4, _P)
_BASE_BYTES = (4 * pow(5, -1, _P) % _P).to_bytes(SIZE, "little")
_NEUTRAL: Point = (0, 1, 1, 0)


@dataclass(frozen=True)
class EdPublicKey:
    """The encoding of a point. Raises InvalidKey for other bytes, and for points of a small order.

    With such a point a signature would hold for many messages.
    """

    x: bytes

    def __post_init__(self) -> None:
        point = _decoded(self.x)
        if point is None:
            raise InvalidKey("x is no point of the curve Ed25519")
        for _ in range(3):
            point = _doubled(point)
        if not point[0]:
            raise InvalidKey("x is a point of small order")


@dataclass(frozen=True, repr=False)
class EdPrivateKey:
    """A seed of 32 bytes, and the public key that belongs to it. Raises InvalidKey where these do not match.

    A signature that was made with the wrong public key would reveal the seed.
    """

    public: EdPublicKey
    seed: bytes

    def __post_init__(self) -> None:
        if _public_bytes(self.seed) != self.public.x:
            raise InvalidKey("d does not belong to x")


def generate() -> EdPrivateKey:
    """Return a new key."""
    seed = secrets.token_bytes(SIZE)
    return EdPrivateKey(EdPublicKey(_public_bytes(seed)), seed)


def sign(key: EdPrivateKey, message: bytes) -> bytes:
    """Return R and S."""
    scalar, prefix = _expanded(key.seed)
    nonce = _number(hashlib.sha512(prefix + message)) % _ORDER
    encoded = _encoded(_multiplied_base(nonce))
    challenge = _number(hashlib.sha512(encoded + key.public.x + message))
    return encoded + ((nonce + challenge * scalar) % _ORDER).to_bytes(SIZE, "little")


def verify(key: EdPublicKey, message: bytes, signature: bytes) -> bool:
    """Return whether a signature belongs to a message. An S that is not below the order is refused, as 5.1.7 has it."""
    if len(signature) != 2 * SIZE:
        return False
    s = int.from_bytes(signature[SIZE:], "little")
    point = _decoded(key.x)
    if s >= _ORDER or point is None:
        return False
    challenge = _number(hashlib.sha512(signature[:SIZE] + key.x + message)) % _ORDER
    total = _GROUP.add_multiples((s, _base()), (challenge, _negated(point)))
    return _encoded(total) == signature[:SIZE]


def _number(digest: "hashlib._Hash") -> int:
    return int.from_bytes(digest.digest(), "little")


def _expanded(seed: bytes) -> Tuple[int, bytes]:
    """Return the secret number of a seed and the prefix that makes nonces."""
    text = hashlib.sha512(seed).digest()
    number = int.from_bytes(text[:SIZE], "little")
    return (number & ((1 << 254) - 8)) | (1 << 254), text[SIZE:]


def _public_bytes(seed: bytes) -> bytes:
    return _encoded(_multiplied_base(_expanded(seed)[0]))


def _decoded(text: bytes) -> Optional[Point]:
    """Return the point of an encoding, None where there is none (5.1.3)."""
    y = int.from_bytes(text, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if len(text) != SIZE or y >= _P:
        return None
    u, v = y * y - 1, _D * y * y + 1
    x = u * v**3 * pow(u * v**7, (_P - 5) // 8, _P) % _P
    if (v * x * x + u) % _P == 0:
        x = x * _ROOT_OF_MINUS_ONE % _P
    if (v * x * x - u) % _P or (not x and sign):
        return None
    if x & 1 != sign:
        x = _P - x
    return x, y, 1, x * y % _P


def _encoded(point: Point) -> bytes:
    inverse = pow(point[2], -1, _P)
    x, y = point[0] * inverse % _P, point[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(SIZE, "little")


def _added(first: Point, second: Point) -> Point:
    x1, y1, z1, t1 = first
    x2, y2, z2, t2 = second
    a, b = (y1 - x1) * (y2 - x2) % _P, (y1 + x1) * (y2 + x2) % _P
    c, d = 2 * t1 * t2 % _P * _D % _P, 2 * z1 * z2 % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _doubled(point: Point) -> Point:
    x, y, z, _ = point
    a, b = x * x % _P, y * y % _P
    h = a + b
    e, g = h - (x + y) ** 2 % _P, a - b
    f = 2 * z * z % _P + g
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _negated(point: Point) -> Point:
    x, y, z, t = point
    return _P - x, y, z, _P - t


_GROUP = PointGroup(_NEUTRAL, _ORDER, _added, _doubled, _negated)


def _multiplied_base(number: int) -> Point:
    """Return the base point times a secret number."""
    z = 1 + secrets.randbelow(_P - 1)  # the same point in other coordinates each time
    x, y, _, t = _base()
    return _GROUP.multiply_secret(number, (x * z % _P, y * z % _P, z, t * z % _P))


def _base() -> Point:
    point = _decoded(_BASE_BYTES)
    assert point is not None
    return point
