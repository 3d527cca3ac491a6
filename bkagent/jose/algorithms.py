"""The algorithms of RFC 7518 section 3.1 and RFC 8037 section 3.1: the key that each takes, and what it does."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Union

from bkagent.jose import ecdsa, ed25519, rsa
from bkagent.jose.curves import P256, P384, P521
from bkagent.jose.ecdsa import EcPrivateKey, EcPublicKey
from bkagent.jose.ed25519 import EdPrivateKey, EdPublicKey
from bkagent.jose.errors import InvalidKey
from bkagent.jose.rsa import RsaPrivateKey, RsaPublicKey


@dataclass(frozen=True, repr=False)
class SecretKey:
    """Bytes that both sides know (`oct`)."""

    k: bytes


PublicKey = Union[RsaPublicKey, EcPublicKey, EdPublicKey]
PrivateKey = Union[RsaPrivateKey, EcPrivateKey, EdPrivateKey]
AnyKey = Union[PublicKey, PrivateKey, SecretKey]

# Bits of the modulus of new keys: as strong as the hash functions of 256 bits (NIST SP 800-57 part 1, table 2).
_NEW_RSA_BITS = 3072
_CURVES = {"ES256": P256, "ES384": P384, "ES512": P521}
_HASHED = {f"{family}{bits}": f"sha{bits}" for family in ("HS", "RS", "PS", "ES") for bits in (256, 384, 512)}
EDDSA = "EdDSA"
NAMES = (*_HASHED, EDDSA)


def check(name: str, key: AnyKey) -> None:
    """Raise InvalidKey unless the key is of the kind that the algorithm takes: no key serves two kinds of them."""
    public = public_part(key)
    if name == EDDSA:
        fits = isinstance(public, EdPublicKey)
    elif name.startswith("HS"):
        fits = isinstance(public, SecretKey)
        # RFC 7518 section 3.2.
        if isinstance(public, SecretKey) and 8 * len(public.k) < int(name[2:]):
            raise InvalidKey(f"k is shorter than the {name[2:]} bits that {name} needs")
    elif name in _CURVES:
        fits = isinstance(public, EcPublicKey) and public.curve is _CURVES[name]
    else:
        fits = isinstance(public, RsaPublicKey)
    if not fits:
        raise InvalidKey(f"the key does not suit the algorithm {name}")


def public_part(key: AnyKey) -> Union[PublicKey, SecretKey]:
    """Return what others may know of a key; of a secret key itself, which has no such part."""
    return key.public if isinstance(key, (RsaPrivateKey, EcPrivateKey, EdPrivateKey)) else key


def generate(name: str) -> PrivateKey:
    """Return a new private key for a public-key algorithm."""
    if name == EDDSA:
        return ed25519.generate()
    curve = _CURVES.get(name)
    return ecdsa.generate(curve) if curve else rsa.generate(_NEW_RSA_BITS)


def sign(name: str, key: AnyKey, message: bytes) -> bytes:
    """Return the signature of a message. Raises InvalidKey unless the key suits the algorithm and can sign."""
    check(name, key)
    if isinstance(key, EdPrivateKey):
        return ed25519.sign(key, message)
    hash_name = _HASHED.get(name, "")
    if isinstance(key, SecretKey):
        return hmac.new(key.k, message, hash_name).digest()
    if isinstance(key, EcPrivateKey):
        return ecdsa.sign(key, digest(name, message), hash_name)
    if isinstance(key, RsaPrivateKey):
        return (rsa.sign_pss if name.startswith("PS") else rsa.sign_pkcs1)(key, digest(name, message), hash_name)
    raise InvalidKey("the key is a public one, and signing needs the private one")


def verify(name: str, key: AnyKey, message: bytes, signature: bytes) -> bool:
    """Return whether a signature belongs to a message. Raises InvalidKey unless the key suits the algorithm."""
    check(name, key)
    public = public_part(key)
    if isinstance(public, EdPublicKey):
        return ed25519.verify(public, message, signature)
    hash_name = _HASHED[name]
    if isinstance(public, SecretKey):
        return hmac.compare_digest(hmac.new(public.k, message, hash_name).digest(), signature)
    if isinstance(public, EcPublicKey):
        return ecdsa.verify(public, digest(name, message), signature)
    verify_rsa = rsa.verify_pss if name.startswith("PS") else rsa.verify_pkcs1
    return verify_rsa(public, digest(name, message), signature, hash_name)


def digest(name: str, message: bytes) -> bytes:
    """Return what an algorithm with a hash function signs of a message, which is any of RSA and of EC."""
    return hashlib.new(_HASHED[name], message).digest()
