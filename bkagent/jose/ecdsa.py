"""ECDSA (FIPS 186-4 section 6), with the nonces of RFC 6979 and signatures in the form of RFC 7518 section 3.4."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from typing import Iterator

from bkagent.jose import curves
from bkagent.jose.curves import Curve
from bkagent.jose.errors import InvalidKey


@dataclass(frozen=True)
class EcPublicKey:
    """A point of a curve. Raises InvalidKey where it is none."""

    curve: Curve
    x: int
    y: int

    def __post_init__(self) -> None:
        if not self.curve.has(self.x, self.y):
            raise InvalidKey(f"x and y are no point of the curve {self.curve.name}")


@dataclass(frozen=True, repr=False)
class EcPrivateKey:
    """A number, and the point that belongs to it. Raises InvalidKey where these do not match."""

    public: EcPublicKey
    d: int

    def __post_init__(self) -> None:
        curve = self.public.curve
        if not 0 < self.d < curve.order:
            raise InvalidKey(f"d is out of range for the curve {curve.name}")
        if curves.multiply_base(self.d, curve) != (self.public.x, self.public.y):
            raise InvalidKey("d does not belong to x and y")


def generate(curve: Curve) -> EcPrivateKey:
    """Return a new key."""
    d = 1 + secrets.randbelow(curve.order - 1)
    return EcPrivateKey(EcPublicKey(curve, *curves.multiply_base(d, curve)), d)


def sign(key: EcPrivateKey, digest: bytes, hash_name: str) -> bytes:
    """Return r and s, each in as many bytes as a coordinate has."""
    curve, order = key.public.curve, key.public.curve.order
    number = _leading_bits(digest, order)
    for nonce in nonces(key.d, order, digest, hash_name):
        r = curves.multiply_base(nonce, curve)[0] % order
        # Inverted under a mask: how long an inversion takes depends on the number.
        mask = 1 + secrets.randbelow(order - 1)
        s = mask * pow(nonce * mask % order, -1, order) * (number + r * key.d) % order
        if r and s:
            return r.to_bytes(curve.size, "big") + s.to_bytes(curve.size, "big")
    raise AssertionError("there is always another nonce")


def verify(key: EcPublicKey, digest: bytes, signature: bytes) -> bool:
    """Return whether a signature belongs to a digest."""
    curve, order, size = key.curve, key.curve.order, key.curve.size
    if len(signature) != 2 * size:
        return False
    r, s = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
    if not (0 < r < order and 0 < s < order):
        return False
    inverse = pow(s, -1, order)
    of_base = _leading_bits(digest, order) * inverse % order
    point = curves.multiply_both(curve, of_base, r * inverse % order, (key.x, key.y))
    return point is not None and point[0] % order == r


def nonces(d: int, order: int, digest: bytes, hash_name: str) -> Iterator[int]:
    """Yield nonces for a private key and a digest: the first, then those for when it does not suit.

    Source: RFC 6979 section 3.2, whose names these are.
    """
    size = (order.bit_length() + 7) // 8
    seed = d.to_bytes(size, "big") + (_leading_bits(digest, order) % order).to_bytes(size, "big")
    v, k = b"\1" * len(digest), b"\0" * len(digest)
    for step in (b"\0", b"\1"):
        k = hmac.new(k, v + step + seed, hash_name).digest()
        v = hmac.new(k, v, hash_name).digest()
    while True:
        text = b""
        while len(text) < size:
            v = hmac.new(k, v, hash_name).digest()
            text += v
        nonce = _leading_bits(text[:size], order)
        if 0 < nonce < order:
            yield nonce
        k = hmac.new(k, v + b"\0", hash_name).digest()
        v = hmac.new(k, v, hash_name).digest()


def _leading_bits(text: bytes, order: int) -> int:
    """Return as many bits from the front of a text, as a number, as the order has."""
    return int.from_bytes(text, "big") >> max(0, 8 * len(text) - order.bit_length())
