"""The few structures of DER (ITU-T X.690) in which keys and signatures of others come, read strictly."""

from __future__ import annotations

from typing import Tuple, Union

from bkagent.jose.curves import P256, P384, P521, Curve
from bkagent.jose.ecdsa import EcPublicKey
from bkagent.jose.errors import InvalidKey
from bkagent.jose.rsa import LONGEST_BITS, RsaPublicKey

# Tags, and object identifiers in their encoded form: RFC 3279 sections 2.3.1 and 2.3.5, RFC 5480.
SEQUENCE, INTEGER, OCTET_STRING, OBJECT_IDENTIFIER = 0x30, 0x02, 0x04, 0x06
_BIT_STRING = 0x03
_NULL = b"\x05\0"
RSA = bytes.fromhex("2a864886f70d010101")
_EC = bytes.fromhex("2a8648ce3d0201")
_CURVES = {
    bytes.fromhex("2a8648ce3d030107"): P256,
    bytes.fromhex("2b81040022"): P384,
    bytes.fromhex("2b81040023"): P521,
}
_LONGEST_BYTES = 8 * LONGEST_BITS // 8  # a private RSA key has eight numbers, six of them of half the length


def public_key(text: bytes) -> Union[RsaPublicKey, EcPublicKey]:
    """Return the key of a SubjectPublicKeyInfo (RFC 5280 section 4.1). Raises InvalidKey."""
    algorithm, bits = members(whole(text), (SEQUENCE, _BIT_STRING))
    kind, parameters = read(algorithm, OBJECT_IDENTIFIER)
    if not bits or bits[0]:
        raise InvalidKey("the public key is no whole number of bytes")
    content = bits[1:]
    if kind == RSA and parameters == _NULL:
        modulus, exponent = members(whole(content), (INTEGER, INTEGER))
        return RsaPublicKey(number(modulus), number(exponent))
    curve = _CURVES.get(members(parameters, (OBJECT_IDENTIFIER,))[0]) if kind == _EC else None
    if curve is None:
        raise InvalidKey("the public key is of a kind that is not supported")
    return _point(content, curve)


def ecdsa_signature(text: bytes, curve: Curve) -> bytes:
    """Return an ECDSA-Sig-Value (RFC 3279 section 2.2.3) in the form of RFC 7518 section 3.4. Raises InvalidKey."""
    numbers = [number(content) for content in members(whole(text), (INTEGER, INTEGER))]
    if not all(0 < number < curve.order for number in numbers):
        raise InvalidKey("the signature has a number that is out of range")
    return b"".join(number.to_bytes(curve.size, "big") for number in numbers)


def _point(content: bytes, curve: Curve) -> EcPublicKey:
    """Return an uncompressed point (SEC 1 section 2.3.4)."""
    if len(content) != 1 + 2 * curve.size or content[0] != 4:
        raise InvalidKey(f"the public key is no uncompressed point of the curve {curve.name}")
    x, y = content[1 : 1 + curve.size], content[1 + curve.size :]
    return EcPublicKey(curve, int.from_bytes(x, "big"), int.from_bytes(y, "big"))


def whole(text: bytes) -> bytes:
    """Return the content of a text that is one sequence."""
    return members(text, (SEQUENCE,))[0]


def members(text: bytes, tags: Tuple[int, ...]) -> Tuple[bytes, ...]:
    """Return the contents of values with these tags that make up a text."""
    contents = []
    for tag in tags:
        content, text = read(text, tag)
        contents.append(content)
    if text:
        raise InvalidKey("there is something behind the last value of the DER text")
    return tuple(contents)


def read(text: bytes, tag: int) -> Tuple[bytes, bytes]:
    """Return the content of the first value of a text, and what follows it."""
    if len(text) < 2 or text[0] != tag:
        raise InvalidKey(f"the DER text has no value of tag {tag} where one belongs")
    length, start = text[1], 2
    if length >= 0x80:
        start += length & 0x7F
        length = int.from_bytes(text[2:start], "big")
        # Section 10.1: in as few bytes as it takes.
        if length < 0x80 or length > _LONGEST_BYTES or text[2] == 0:
            raise InvalidKey("the DER text has an invalid length")
    if len(text) < start + length:
        raise InvalidKey("the DER text ends too early")
    return text[start : start + length], text[start + length :]


def number(content: bytes) -> int:
    """Return a positive INTEGER, written in as few bytes as it takes (section 8.3.2)."""
    if not content or content[0] & 0x80 or (content[0] == 0 and (len(content) == 1 or not content[1] & 0x80)):
        raise InvalidKey("the DER text has an invalid number")
    return int.from_bytes(content, "big")
