"""Keys in PEM (RFC 7468); RSA ones in PKCS #8 (RFC 5958) and PKCS #1 (RFC 8017 appendix A.1.2)."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Tuple

from bkagent.jose import der
from bkagent.jose.errors import InvalidKey
from bkagent.jose.rsa import RsaPrivateKey, RsaPublicKey

_LONGEST_TEXT = 1024 * 1024  # certificates may stand beside the key
_LABELS = ("PRIVATE KEY", "RSA PRIVATE KEY")


def read_rsa_private_key(text: str) -> RsaPrivateKey:
    """Return the RSA key of a PEM text without a passphrase. Raises InvalidKey, with no part of the key in it."""
    if "-----BEGIN ENCRYPTED PRIVATE KEY-----" in text or "Proc-Type: 4,ENCRYPTED" in text:
        raise InvalidKey("the private key is encrypted with a passphrase, which is not supported")
    label, content = decode_pem(text, _LABELS)
    return _read_pkcs1(content if label == "RSA PRIVATE KEY" else _inner_key(content))


def decode_pem(text: str, labels: "Tuple[str, ...]") -> "Tuple[str, bytes]":
    """Return the label and the content of the first block that has one of the labels. Raises InvalidKey."""
    if len(text) > _LONGEST_TEXT:
        raise InvalidKey(f"the PEM text has {len(text)} characters, more than {_LONGEST_TEXT}")
    for label in labels:
        block = re.search(rf"-----BEGIN {label}-----([A-Za-z0-9+/=\s]*)-----END {label}-----", text)
        if block:
            try:
                return label, base64.b64decode("".join(block.group(1).split()), validate=True)
            except (binascii.Error, ValueError):
                raise InvalidKey(f"the {label} in PEM is not base64") from None
    raise InvalidKey(f"there is no PEM text that begins with -----BEGIN {labels[0]}-----")


def _inner_key(content: bytes) -> bytes:
    """Return the key that PKCS #8 wraps. Attributes may follow it."""
    _, rest = der.read(der.whole(content), der.INTEGER)
    algorithm, rest = der.read(rest, der.SEQUENCE)
    if der.read(algorithm, der.OBJECT_IDENTIFIER)[0] != der.RSA:
        raise InvalidKey("the private key is not an RSA key")
    return der.read(rest, der.OCTET_STRING)[0]


def _read_pkcs1(content: bytes) -> RsaPrivateKey:
    version, *numbers = der.members(der.whole(content), (der.INTEGER,) * 9)
    if version != b"\0":
        raise InvalidKey("keys of more than two primes are not supported")
    n, e, *private = (der.number(number) for number in numbers)
    return RsaPrivateKey(RsaPublicKey(n, e), *private)
