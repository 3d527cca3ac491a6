"""What RFCs print comes out."""

import hashlib

import pytest

from bkagent.jose import algorithms, base64url, curves, ecdsa, jwk
from bkagent.jose.ecdsa import EcPrivateKey, EcPublicKey
from bkagent.jose.ed25519 import EdPrivateKey, EdPublicKey
from tests.jose import rfc_keys

CURVES = {curve.name: curve for curve in (curves.P256, curves.P384, curves.P521)}


@pytest.mark.parametrize("name, document, signing_input, signature", rfc_keys.SIGNATURES)
def test_signatures_of_rfc_7515_and_8037(name, document, signing_input, signature):
    key, message, value = jwk.parse(document).key, signing_input.encode(), base64url.decode(signature)
    assert algorithms.verify(name, key, message, value)
    assert not algorithms.verify(name, key, message + b".", value)
    if not name.startswith("ES"):
        assert algorithms.sign(name, key, message) == value


@pytest.mark.parametrize("seed, x, message, signature", rfc_keys.ED25519)
def test_signatures_of_rfc_8032(seed, x, message, signature):
    seed, x, message, signature = map(bytes.fromhex, (seed, x, message, signature))
    key = EdPrivateKey(EdPublicKey(x), seed)
    assert algorithms.sign("EdDSA", key, message) == signature
    assert algorithms.verify("EdDSA", key.public, message, signature)


@pytest.mark.parametrize("name, curve, d, message, nonce, r, s", rfc_keys.NONCES)
def test_nonces_and_signatures_of_rfc_6979(name, curve, d, message, nonce, r, s):
    curve, d, nonce, r, s = CURVES[curve], *(int(number, 16) for number in (d, nonce, r, s))
    digest = hashlib.new(f"sha{name[2:]}", message.encode()).digest()
    assert next(ecdsa.nonces(d, curve.order, digest, f"sha{name[2:]}")) == nonce
    key = EcPrivateKey(EcPublicKey(curve, *curves.multiply_base(d, curve)), d)
    signature = algorithms.sign(name, key, message.encode())
    assert signature == r.to_bytes(curve.size, "big") + s.to_bytes(curve.size, "big")


@pytest.mark.parametrize("document", [rfc_keys.HMAC_KEY, rfc_keys.P256_KEY, rfc_keys.P521_KEY, rfc_keys.ED25519_KEY])
def test_keys_are_written_as_they_are_read(document):
    assert jwk.parse(document).document() == {**document, "use": "sig"}


def test_the_thumbprint_of_rfc_8037():
    """Appendix A.3."""
    thumbprint = base64url.decode("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k").hex()
    assert jwk.parse(rfc_keys.ED25519_KEY).thumbprint == thumbprint
