"""JSON Web Signatures with detached content, in their compact form (RFC 7515 sections 7.1 and appendix F)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Dict, Sequence

from bkagent.jose import algorithms, base64url, strict_json
from bkagent.jose.errors import InvalidKey, InvalidSignature
from bkagent.jose.jwk import Jwk

if TYPE_CHECKING:
    from bkagent.jose.signing_key import SigningKey

# RSA of the longest key has 1,366 letters; the rest is for a header.
_LONGEST_TEXT = 16 * 1024


def sign(content: bytes, key: SigningKey) -> str:
    """Return the signature of some content: header and value, with nothing between them.

    Raises InvalidKey for a key that cannot sign, or does not say by which algorithm.
    """
    if not key.algorithm:
        raise InvalidKey("the key has no alg, which says how it signs")
    names = {"alg": key.algorithm, "kid": key.key_id} if key.key_id else {"alg": key.algorithm}
    header = base64url.encode(json.dumps(names, ensure_ascii=False, separators=(",", ":")).encode())
    value = key.sign(_signing_input(header, content))
    return f"{header}..{base64url.encode(value)}"


def verify(text: str, content: bytes, keys: Sequence[Jwk]) -> Jwk:
    """Return the key by which a signature of the content was made.

    The header chooses among the keys by its `kid`; by which algorithm, the key says, and the header must agree.
    Raises InvalidSignature.
    """
    if len(text) > _LONGEST_TEXT:
        raise InvalidSignature(f"the signature has {len(text)} characters, more than {_LONGEST_TEXT}")
    parts = text.split(".")
    if len(parts) != 3 or parts[1]:
        raise InvalidSignature("the signature is no compact JWS with detached content")
    header, value = _header(parts[0]), _decoded(parts[2])
    key = _chosen(header, keys)
    if not algorithms.verify(key.algorithm, key.key, _signing_input(parts[0], content), value):
        raise InvalidSignature("the signature does not belong to this content")
    return key


def _signing_input(header: str, content: bytes) -> bytes:
    """RFC 7515 section 5.1, step 8."""
    return f"{header}.{base64url.encode(content)}".encode("ascii")


def _decoded(text: str) -> bytes:
    try:
        return base64url.decode(text)
    except ValueError as problem:
        raise InvalidSignature(f"the signature is {problem}") from None


def _header(text: str) -> Dict[str, str]:
    """Return the members `alg` and `kid` of a header."""
    try:
        header = strict_json.loads(_decoded(text))
    except ValueError:
        raise InvalidSignature("the header of the signature is not JSON, or has a name twice") from None
    if not isinstance(header, dict):
        raise InvalidSignature("the header of the signature is not a JSON object")
    # RFC 7515 section 4.1.11: what is critical must be understood, and no extension is. RFC 7797 is one.
    for name in ("crit", "b64"):
        if name in header:
            raise InvalidSignature(f"the header of the signature has {name}, which is not supported")
    names = {name: header[name] for name in ("alg", "kid") if name in header}
    if not all(isinstance(word, str) for word in names.values()) or "alg" not in names:
        raise InvalidSignature("the header of the signature has no alg, or an invalid kid")
    return names


def _chosen(header: Dict[str, str], keys: Sequence[Jwk]) -> Jwk:
    """Return the key that a header names, or one that fits any."""
    key_id = header.get("kid", "")
    key = next((key for key in keys if key.fits_any_id or (key_id and key.key_id == key_id)), None)
    if key is None and not key_id:
        raise InvalidSignature("the header of the signature has no kid, which names the key")
    if key is None:
        raise InvalidSignature(f'the key set has no key "{key_id[:100]}"')
    key_id = key.key_id
    if not key.algorithm:
        raise InvalidSignature(f'the key "{key_id}" has no alg')
    if key.algorithm != header["alg"]:
        raise InvalidSignature(f'the header names another algorithm than {key.algorithm}, that of the key "{key_id}"')
    if "verify" not in key.uses:
        raise InvalidSignature(f'use or key_ops of the key "{key_id}" do not allow it to verify')
    return key
