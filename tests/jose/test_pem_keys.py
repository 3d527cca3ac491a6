"""Private keys in PEM as `cryptography` writes them, and texts that are damaged."""

import functools
import random

import pytest

from bkagent.jose import algorithms, pem_keys
from bkagent.jose.errors import InvalidKey

cryptography = pytest.importorskip("cryptography", reason="the package cryptography is not installed")

from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa  # noqa: E402

FORMATS = {"PKCS8": serialization.PrivateFormat.PKCS8, "PKCS1": serialization.PrivateFormat.TraditionalOpenSSL}


@functools.lru_cache(maxsize=None)
def rsa_key(bits=2048):
    return rsa.generate_private_key(65537, bits)


def pem(key, private_format="PKCS8", passphrase=b""):
    encryption = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, FORMATS[private_format], encryption).decode()


@pytest.mark.parametrize("private_format", FORMATS)
@pytest.mark.parametrize("bits", [2048, 4096])
def test_an_rsa_key_is_read_and_signs(private_format, bits):
    beside = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    key = pem_keys.read_rsa_private_key(beside + pem(rsa_key(bits), private_format))
    signature = algorithms.sign("RS256", key, b"text")
    rsa_key(bits).public_key().verify(signature, b"text", padding.PKCS1v15(), hashes.SHA256())


def test_what_is_no_such_key_is_named():
    cases = [
        ("not an RSA key", pem(ec.generate_private_key(ec.SECP256R1()))),
        ("encrypted with a passphrase", pem(rsa_key(), "PKCS8", b"x")),
        ("encrypted with a passphrase", pem(rsa_key(), "PKCS1", b"x")),
        ("there is no PEM text that begins with -----BEGIN PRIVATE KEY-----", "no key"),
        ("not base64", "-----BEGIN PRIVATE KEY-----\nABC\n-----END PRIVATE KEY-----"),
        ("more than 1048576", "-" * 1_100_000),
    ]
    for message, text in cases:
        with pytest.raises(InvalidKey, match=message):
            pem_keys.read_rsa_private_key(text)


def test_damaged_keys_are_refused_and_nothing_else_is_raised():
    seeded = random.Random(7)
    lines = pem(rsa_key()).splitlines()
    for _ in range(300):
        body = list("".join(lines[1:-1]))
        for _ in range(seeded.randint(1, 3)):
            body[seeded.randrange(60)] = seeded.choice("ABCDwxyz0189+/")
        text = "\n".join([lines[0], "".join(body[: seeded.randint(0, len(body)) // 4 * 4]), lines[-1]])
        try:
            pem_keys.read_rsa_private_key(text)
        except InvalidKey:
            pass
