"""JSON Web Keys (RFC 7517, RFC 7518 section 6, RFC 8037 section 2): read strictly, and written."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, Mapping, Tuple

from bkagent.jose import algorithms, base64url, canonical, rsa
from bkagent.jose.algorithms import AnyKey, SecretKey
from bkagent.jose.curves import P256, P384, P521, Curve
from bkagent.jose.ecdsa import EcPrivateKey, EcPublicKey
from bkagent.jose.ed25519 import EdPrivateKey, EdPublicKey
from bkagent.jose.errors import InvalidKey
from bkagent.jose.rsa import LONGEST_BITS, RsaPrivateKey, RsaPublicKey

_CURVES = {curve.name: curve for curve in (P256, P384, P521)}
_PARTS_OF_RSA = ("d", "p", "q", "dp", "dq", "qi")


@dataclass(frozen=True)
class Jwk:
    """A key, and what it is for; one that may sign implements `signing_key.SigningKey`.

    algorithm    "" where the text does not say
    key_id       "" where the text does not say
    fits_any_id  signatures need not name it: it comes from a key service, whose signatures the reference does not name
    """

    key: AnyKey
    algorithm: str = ""
    key_id: str = ""
    uses: Tuple[str, ...] = ("sign", "verify")
    fits_any_id: bool = False

    @property
    def is_private(self) -> bool:
        """Whether others must not have the key. A secret key signs and verifies, and is nothing else."""
        return not isinstance(self.key, SecretKey) and self.key is not algorithms.public_part(self.key)

    @property
    def public(self) -> "Jwk":
        """The same without its private part. Raises InvalidKey for a secret key."""
        if isinstance(self.key, SecretKey):
            raise InvalidKey("a symmetric key has no public part")
        return replace(self, key=algorithms.public_part(self.key))

    @property
    def thumbprint(self) -> str:
        """SHA-256 of the public part, in hexadecimal digits (RFC 7638). Raises InvalidKey for a secret key."""
        return hashlib.sha256(canonical.dumps(_members(self.public.key))).hexdigest()

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message. Raises InvalidKey for a key that cannot sign."""
        if "sign" not in self.uses:
            raise InvalidKey("use or key_ops of the key do not allow it to sign")
        return algorithms.sign(self.algorithm, self.key, message)

    def document(self) -> Dict[str, str]:
        """Return the key as the object of a JSON text; with its private part, if it has one."""
        words = {"alg": self.algorithm, "kid": self.key_id}
        return {**_members(self.key), **{name: word for name, word in words.items() if word}, "use": "sig"}


def parse(document: object) -> Jwk:
    """Return the key of a decoded JSON text. Raises InvalidKey, with the member that is wrong and never its value."""
    if not isinstance(document, dict):
        raise InvalidKey("a key must be a JSON object")
    kind, algorithm = _text(document, "kty"), _text(document, "alg", "")
    reader = _READERS.get(kind)
    if reader is None:
        raise InvalidKey(f"unsupported kty: it must be one of {', '.join(_READERS)}")
    if algorithm and algorithm not in algorithms.NAMES:
        raise InvalidKey(f"unsupported alg: it must be one of {', '.join(algorithms.NAMES)}")
    jwk = Jwk(reader(document), algorithm, _text(document, "kid", ""), _uses(document))
    if algorithm:
        algorithms.check(algorithm, jwk.key)
    return jwk


def _uses(document: Mapping[str, Any]) -> Tuple[str, ...]:
    """Return what the key may do, of sign and verify (RFC 7517 sections 4.2 and 4.3)."""
    if _text(document, "use", "sig") != "sig":
        return ()
    operations = document.get("key_ops", ["sign", "verify"])
    if not isinstance(operations, list) or not all(isinstance(word, str) for word in operations):
        raise InvalidKey("key_ops must be a list of texts")
    # A private key that may sign is one whose owner may verify, too.
    return tuple(word for word in ("sign", "verify") if word in operations or "sign" in operations)


def _read_rsa(document: Mapping[str, Any]) -> AnyKey:
    public = RsaPublicKey(_number(document, "n"), _number(document, "e"))
    if not any(name in document for name in _PARTS_OF_RSA):
        return public
    if "oth" in document:
        raise InvalidKey("oth: keys of more than two primes are not supported")
    # RFC 7518 section 6.3.2: without the primes d is enough; with one of the other parts all must be there.
    if [name for name in _PARTS_OF_RSA if name in document] == ["d"]:
        return rsa.complete(public, _number(document, "d"))
    return RsaPrivateKey(public, *(_number(document, name) for name in _PARTS_OF_RSA))


def _read_ec(document: Mapping[str, Any]) -> AnyKey:
    curve = _CURVES.get(_text(document, "crv"))
    if curve is None:
        raise InvalidKey(f"unsupported crv: it must be one of {', '.join(_CURVES)} for a key of kty EC")
    public = EcPublicKey(curve, _coordinate(document, "x", curve), _coordinate(document, "y", curve))
    return EcPrivateKey(public, _coordinate(document, "d", curve)) if "d" in document else public


def _read_okp(document: Mapping[str, Any]) -> AnyKey:
    if _text(document, "crv") != "Ed25519":
        raise InvalidKey("unsupported crv: it must be Ed25519 for a key of kty OKP")
    public = EdPublicKey(_bytes(document, "x", 32))
    return EdPrivateKey(public, _bytes(document, "d", 32)) if "d" in document else public


def _read_secret(document: Mapping[str, Any]) -> AnyKey:
    return SecretKey(_bytes(document, "k"))


_READERS: Dict[str, Callable[[Mapping[str, Any]], AnyKey]] = {
    "RSA": _read_rsa,
    "EC": _read_ec,
    "OKP": _read_okp,
    "oct": _read_secret,
}


def _text(document: Mapping[str, Any], name: str, default: "str | None" = None) -> str:
    text = document.get(name, default)
    if not isinstance(text, str):
        raise InvalidKey(f"{name} is missing" if text is None else f"{name} must be a text")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidKey(f"{name} is no valid Unicode text") from None
    return text


def _bytes(document: Mapping[str, Any], name: str, size: int = 0) -> bytes:
    try:
        content = base64url.decode(_text(document, name))
    except ValueError as problem:
        raise InvalidKey(f"{name} is {problem}") from None
    if size and len(content) != size:
        raise InvalidKey(f"{name} has {len(content)} bytes, not {size}")
    return content


def _coordinate(document: Mapping[str, Any], name: str, curve: Curve) -> int:
    return int.from_bytes(_bytes(document, name, curve.size), "big")


def _number(document: Mapping[str, Any], name: str) -> int:
    """Return a number written in as few bytes as it takes (RFC 7518 section 2, Base64urlUInt)."""
    content = _bytes(document, name)
    if not content or content[0] == 0:
        raise InvalidKey(f"{name} is not written in as few bytes as it takes")
    if 8 * len(content) > LONGEST_BITS:
        raise InvalidKey(f"{name} has more than {LONGEST_BITS} bits")
    return int.from_bytes(content, "big")


def _members(key: AnyKey) -> Dict[str, str]:
    """Return what the JSON of a key has besides `alg`, `kid` and `use`."""
    number = base64url.encode_number
    if isinstance(key, SecretKey):
        return {"kty": "oct", "k": base64url.encode(key.k)}
    if isinstance(key, RsaPrivateKey):
        return {**_members(key.public), **{name: number(getattr(key, name)) for name in _PARTS_OF_RSA}}
    if isinstance(key, RsaPublicKey):
        return {"kty": "RSA", "n": number(key.n), "e": number(key.e)}
    if isinstance(key, EcPrivateKey):
        return {**_members(key.public), "d": number(key.d, key.public.curve.size)}
    if isinstance(key, EcPublicKey):
        size = key.curve.size
        return {"kty": "EC", "crv": key.curve.name, "x": number(key.x, size), "y": number(key.y, size)}
    if isinstance(key, EdPrivateKey):
        return {**_members(key.public), "d": base64url.encode(key.seed)}
    return {"kty": "OKP", "crv": "Ed25519", "x": base64url.encode(key.x)}
