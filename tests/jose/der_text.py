"""DER as key services write it."""

from bkagent.jose import curves
from bkagent.jose.ecdsa import EcPublicKey

OBJECT_IDENTIFIERS = {
    "RSA": "2a864886f70d010101", "EC": "2a8648ce3d0201", "Ed25519": "2b6570",
    "P-256": "2a8648ce3d030107", "P-384": "2b81040022", "P-521": "2b81040023",
}  # fmt: skip


def encode(tag, content):
    """Return a value of that tag."""
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def sequence(*values):
    """Return a SEQUENCE of values."""
    return encode(0x30, b"".join(values))


def integer(number):
    """Return a positive INTEGER."""
    return encode(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def object_identifier(name):
    """Return one of the identifiers above."""
    return encode(6, bytes.fromhex(OBJECT_IDENTIFIERS[name]))


def public_key_info(key):
    """Return a SubjectPublicKeyInfo."""
    if isinstance(key, EcPublicKey):
        size = key.curve.size
        point = b"\4" + key.x.to_bytes(size, "big") + key.y.to_bytes(size, "big")
        return sequence(sequence(object_identifier("EC"), object_identifier(key.curve.name)), encode(3, b"\0" + point))
    numbers = sequence(integer(key.n), integer(key.e))
    return sequence(sequence(object_identifier("RSA"), encode(5, b"")), encode(3, b"\0" + numbers))


def ecdsa_value(signature):
    """Return an ECDSA-Sig-Value, as services give it, for a signature as JWS has it."""
    half = len(signature) // 2
    return sequence(*(integer(int.from_bytes(part, "big")) for part in (signature[:half], signature[half:])))


CURVES = {"ES256": curves.P256, "ES384": curves.P384, "ES512": curves.P521}
