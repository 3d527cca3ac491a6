"""Keys and signatures of ours and of `cryptography`, in both directions, over seeded keys and messages."""

import functools
import random

import pytest

from bkagent.jose import algorithms, base64url, jwk, primes, rsa
from bkagent.jose.jwk import Jwk

cryptography = pytest.importorskip("cryptography", reason="the package cryptography is not installed")

from cryptography.exceptions import InvalidSignature  # noqa: E402
from cryptography.hazmat.primitives import hashes, hmac  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, utils  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import rsa as their_rsa  # noqa: E402

FEW, MANY = 3, 400
CURVES = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
COORDINATE_BYTES = {"ES256": 32, "ES384": 48, "ES512": 66}
HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}


class Theirs:
    """A key in the hands of `cryptography`."""

    def __init__(self, name, seeded):
        self.name, self.hash = name, HASHES.get(name[2:])
        if name.startswith("HS"):
            self.key = random_bytes(seeded, seeded.randint(int(name[2:]) // 8, 200))
        elif name == "EdDSA":
            self.key = ed25519.Ed25519PrivateKey.from_private_bytes(random_bytes(seeded, 32))
        elif name in CURVES:
            self.key = ec.derive_private_key(seeded.randint(1, 2**250), CURVES[name])
        else:
            self.key = rsa_key(seeded.choice((2048, 2049, 2055, 3072)))

    def document(self):
        """Return the key as a JWK with its private part."""
        if isinstance(self.key, bytes):
            return {"kty": "oct", "k": base64url.encode(self.key)}
        numbers = getattr(self.key, "private_numbers", None)
        if numbers is None:
            members = {"x": self.key.public_key().public_bytes_raw(), "d": self.key.private_bytes_raw()}
            return {"kty": "OKP", "crv": "Ed25519", **{name: base64url.encode(text) for name, text in members.items()}}
        private = numbers()
        public = private.public_numbers
        if self.name in CURVES:
            size, curve = COORDINATE_BYTES[self.name], {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}[self.name]
            members = {"x": public.x, "y": public.y, "d": private.private_value}
            return {"kty": "EC", "crv": curve, **written(members, size)}
        members = {
            "n": public.n, "e": public.e, "d": private.d, "p": private.p, "q": private.q, "dp": private.dmp1,
            "dq": private.dmq1, "qi": private.iqmp,
        }  # fmt: skip
        return {"kty": "RSA", **written(members)}

    def padding(self):
        if self.name.startswith("RS"):
            return padding.PKCS1v15()
        return padding.PSS(padding.MGF1(self.hash), self.hash.digest_size)

    def sign(self, message):
        if self.name.startswith("HS"):
            mac = hmac.HMAC(self.key, self.hash)
            mac.update(message)
            return mac.finalize()
        if self.name == "EdDSA":
            return self.key.sign(message)
        if self.name in CURVES:
            numbers = utils.decode_dss_signature(self.key.sign(message, ec.ECDSA(self.hash)))
            return b"".join(number.to_bytes(COORDINATE_BYTES[self.name], "big") for number in numbers)
        return self.key.sign(message, self.padding(), self.hash)

    def verifies(self, message, signature):
        try:
            if self.name.startswith("HS"):
                return self.sign(message) == signature
            public = self.key.public_key()
            if self.name == "EdDSA":
                public.verify(signature, message)
            elif self.name in CURVES:
                size = COORDINATE_BYTES[self.name]
                r, s = (int.from_bytes(half, "big") for half in (signature[:size], signature[size:]))
                public.verify(utils.encode_dss_signature(r, s), message, ec.ECDSA(self.hash))
            else:
                public.verify(signature, message, self.padding(), self.hash)
        except InvalidSignature:
            return False
        return True


def random_bytes(seeded, count):
    return bytes(seeded.getrandbits(8) for _ in range(count))


@functools.lru_cache(maxsize=None)
def rsa_key(bits):
    return their_rsa.generate_private_key(65537, bits)


def written(members, size=0):
    return {name: base64url.encode_number(number, size) for name, number in members.items()}


def compare(name, count):
    """Sign and verify on both sides; say with which seed a difference came about."""
    for seed in range(count):
        seeded = random.Random(f"{name} {seed}")
        theirs = Theirs(name, seeded)
        key = jwk.parse({**theirs.document(), "alg": name}).key
        message = random_bytes(seeded, seeded.choice((0, 1, 31, 32, 64, 1000)))
        own, other = algorithms.sign(name, key, message), theirs.sign(message)
        assert theirs.verifies(message, own), (name, seed)
        assert algorithms.verify(name, key, message, own), (name, seed)
        assert algorithms.verify(name, key, message, other), (name, seed)
        if not name.startswith(("PS", "ES")):
            assert own == other, (name, seed)
        changed = bytearray(other)
        changed[seeded.randrange(len(changed))] ^= 1 << seeded.randrange(8)
        assert not algorithms.verify(name, key, message, bytes(changed)), (name, seed)
        assert not algorithms.verify(name, key, message + b"!", other), (name, seed)


@pytest.mark.parametrize("name", algorithms.NAMES)
def test_each_verifies_what_the_other_has_signed(name):
    compare(name, FEW)


@pytest.mark.soak
@pytest.mark.parametrize("name", algorithms.NAMES)
def test_each_verifies_what_the_other_has_signed_over_thousands_of_keys(name):
    compare(name, MANY)


@pytest.mark.parametrize("name", ["ES256", "ES384", "ES512", "EdDSA"])
def test_our_new_keys_are_theirs_too(name):
    document = Jwk(algorithms.generate(name), name, "new").document()
    x, d = base64url.decode(document["x"]), base64url.decode(document["d"])
    if name == "EdDSA":
        assert ed25519.Ed25519PrivateKey.from_private_bytes(d).public_key().public_bytes_raw() == x
        return
    numbers = ec.derive_private_key(int.from_bytes(d, "big"), CURVES[name]).public_key().public_numbers()
    assert numbers.x == int.from_bytes(x, "big") and numbers.y == int.from_bytes(base64url.decode(document["y"]), "big")


def test_our_new_rsa_keys_are_theirs_too():
    key = rsa.generate(2048)
    numbers = their_rsa.RSAPrivateNumbers(
        key.p, key.q, key.d, key.dp, key.dq, key.qi, their_rsa.RSAPublicNumbers(key.public.e, key.public.n)
    )
    theirs = numbers.private_key()
    assert theirs.key_size == key.public.n.bit_length() == 2048
    signature = algorithms.sign("RS256", key, b"message")
    theirs.public_key().verify(signature, b"message", padding.PKCS1v15(), hashes.SHA256())


def test_products_and_carmichael_numbers_are_no_primes():
    for number in (561, 1105, 1729, 2465, 3215031751, 3825123056546413051, (2**89 - 1) * (2**107 - 1)):
        assert not primes._is_prime(number)
    for number in (5, 7, 65537, 2**89 - 1, 2**521 - 1):
        assert primes._is_prime(number)


def test_a_salt_of_another_length_is_refused():
    """RFC 7518 section 3.5 has it as long as the digest."""
    theirs = Theirs("PS256", random.Random(0))
    key = jwk.parse(theirs.document()).key
    signature = theirs.key.sign(b"", padding.PSS(padding.MGF1(hashes.SHA256()), 20), hashes.SHA256())
    assert not algorithms.verify("PS256", key, b"", signature)
