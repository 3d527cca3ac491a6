"""RSA signatures of RFC 8017: RSASSA-PKCS1-v1_5 and RSASSA-PSS with MGF1 and a salt as long as the digest."""

from __future__ import annotations

import hashlib
import hmac
import math
import secrets
from dataclasses import dataclass

from bkagent.jose import primes
from bkagent.jose.errors import InvalidKey

# RFC 7518 sections 3.3 and 3.5 have the lower one; the upper one bounds the time that a key of others can cost.
SHORTEST_BITS, LONGEST_BITS = 2048, 8192
# As Go bounds it; larger ones only slow verification down.
_LARGEST_EXPONENT = 2**31 - 1
_MASK_BITS = 64

# The start of a DigestInfo (RFC 8017 section 9.2, note 1): SEQUENCE, AlgorithmIdentifier, OCTET STRING.
_DIGEST_INFO = {
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}


@dataclass(frozen=True)
class RsaPublicKey:
    """A modulus and an exponent. Raises InvalidKey for what is unsafe, or takes too long to check a signature by."""

    n: int
    e: int

    def __post_init__(self) -> None:
        if not SHORTEST_BITS <= self.n.bit_length() <= LONGEST_BITS:
            raise InvalidKey(f"n has {self.n.bit_length()} bits, not {SHORTEST_BITS} to {LONGEST_BITS}")
        if not self.n & 1:
            raise InvalidKey("n is even")
        if not (3 <= self.e <= _LARGEST_EXPONENT and self.e & 1):
            raise InvalidKey(f"e is not an odd number from 3 to {_LARGEST_EXPONENT}")

    @property
    def size(self) -> int:
        """Bytes of the modulus, and of each signature."""
        return (self.n.bit_length() + 7) // 8


@dataclass(frozen=True, repr=False)
class RsaPrivateKey:
    """The primes of a modulus, and what the Chinese remainder theorem needs. Raises InvalidKey if they differ."""

    public: RsaPublicKey
    d: int
    p: int
    q: int
    dp: int
    dq: int
    qi: int

    def __post_init__(self) -> None:
        p, q, e = self.p, self.q, self.public.e
        if not (1 < p < self.public.n and 1 < q < self.public.n and p * q == self.public.n and p != q):
            raise InvalidKey("p and q are not the factors of n")
        if e * self.d % (p - 1) != 1 or e * self.d % (q - 1) != 1:
            raise InvalidKey("d does not belong to n and e")
        if (self.dp, self.dq) != (self.d % (p - 1), self.d % (q - 1)) or not 0 < self.qi < p or q * self.qi % p != 1:
            raise InvalidKey("dp, dq and qi do not belong to d, p and q")


def generate(bits: int) -> RsaPrivateKey:
    """Return a new key; this takes seconds."""
    e = 65537
    p, q = primes.random_prime(bits // 2, e), primes.random_prime(bits // 2, e)
    while abs(p - q) >> (bits // 2 - 100) == 0:  # close primes are found by a search around the square root
        q = primes.random_prime(bits // 2, e)
    d = pow(e, -1, (p - 1) * (q - 1) // math.gcd(p - 1, q - 1))
    return RsaPrivateKey(RsaPublicKey(p * q, e), d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p))


def complete(public: RsaPublicKey, d: int) -> RsaPrivateKey:
    """Return the key of which only the private exponent is known. Raises InvalidKey where that is not one of it."""
    factors = primes.recover_primes(public.n, public.e, d)
    if factors is None:
        raise InvalidKey("d does not belong to n and e")
    p, q = factors
    return RsaPrivateKey(public, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p))


def sign_pkcs1(key: RsaPrivateKey, digest: bytes, hash_name: str) -> bytes:
    """Return a signature by RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2.1)."""
    return _private_operation(key, _pkcs1_encoded(key.public, digest, hash_name))


def verify_pkcs1(key: RsaPublicKey, digest: bytes, signature: bytes, hash_name: str) -> bool:
    """Return whether a signature belongs to a digest: compared whole, so that no padding is parsed."""
    return hmac.compare_digest(_public_operation(key, signature), _pkcs1_encoded(key, digest, hash_name))


def sign_pss(key: RsaPrivateKey, digest: bytes, hash_name: str) -> bytes:
    """Return a signature by RSASSA-PSS (RFC 8017 sections 8.1.1 and 9.1.1, whose names these are)."""
    bits = key.public.n.bit_length() - 1
    size, salt = (bits + 7) // 8, secrets.token_bytes(len(digest))
    h = hashlib.new(hash_name, bytes(8) + digest + salt).digest()
    db = (b"\1" + salt).rjust(size - len(h) - 1, b"\0")
    masked = _combined(db, _mask(h, len(db), hash_name))
    first = masked[0] & (0xFF >> (8 * size - bits))
    return _private_operation(key, bytes([first]) + masked[1:] + h + b"\xbc")


def verify_pss(key: RsaPublicKey, digest: bytes, signature: bytes, hash_name: str) -> bool:
    """Return whether a signature belongs to a digest (RFC 8017 sections 8.1.2 and 9.1.2)."""
    bits, length = key.n.bit_length() - 1, len(digest)
    size = (bits + 7) // 8
    encoded = _public_operation(key, signature)
    if encoded[:-size].strip(b"\0"):
        return False
    encoded = encoded[-size:]
    masked, h, last = encoded[: size - length - 1], encoded[size - length - 1 : -1], encoded[-1:]
    unused = 8 * size - bits
    if last != b"\xbc" or masked[0] >> (8 - unused):
        return False
    db = _combined(masked, _mask(h, len(masked), hash_name))
    db = bytes([db[0] & (0xFF >> unused)]) + db[1:]
    padding, salt = db[:-length], db[-length:]
    if padding != b"\1".rjust(len(padding), b"\0"):
        return False
    return hmac.compare_digest(h, hashlib.new(hash_name, bytes(8) + digest + salt).digest())


def _pkcs1_encoded(key: RsaPublicKey, digest: bytes, hash_name: str) -> bytes:
    text = _DIGEST_INFO[hash_name] + digest
    return b"\0\1" + b"\xff" * (key.size - len(text) - 3) + b"\0" + text


def _mask(seed: bytes, length: int, hash_name: str) -> bytes:
    """Return `length` bytes made of a seed: MGF1 (RFC 8017 appendix B.2.1)."""
    text, counter = b"", 0
    while len(text) < length:
        text += hashlib.new(hash_name, seed + counter.to_bytes(4, "big")).digest()
        counter += 1
    return text[:length]


def _combined(first: bytes, second: bytes) -> bytes:
    return (int.from_bytes(first, "big") ^ int.from_bytes(second, "big")).to_bytes(len(first), "big")


def _public_operation(key: RsaPublicKey, signature: bytes) -> bytes:
    """Return what a signature was made from; nothing that could be valid where it has no legal form."""
    number = int.from_bytes(signature, "big")
    if len(signature) != key.size or number >= key.n:
        return bytes(key.size)
    return pow(number, key.e, key.n).to_bytes(key.size, "big")


def _private_operation(key: RsaPrivateKey, encoded: bytes) -> bytes:
    """Return the signature of an encoded message, whose bytes and exponents are masked at random while it is made."""
    n, e = key.public.n, key.public.e
    message = int.from_bytes(encoded, "big")
    while True:
        factor = 2 + secrets.randbelow(n - 2)
        if math.gcd(factor, n) == 1:
            break
    blinded = message * pow(factor, e, n) % n
    of_p, of_q = (
        pow(blinded % prime, exponent + secrets.randbits(_MASK_BITS) * (prime - 1), prime)
        for prime, exponent in ((key.p, key.dp), (key.q, key.dq))
    )
    signature = (of_q + (of_p - of_q) * key.qi % key.p * key.q) * pow(factor, -1, n) % n
    # A wrong half, from a fault of the machine, would reveal the primes.
    if pow(signature, e, n) != message:
        raise InvalidKey("the signature just made does not verify: the key is damaged, or this machine miscalculates")
    return signature.to_bytes(key.public.size, "big")
