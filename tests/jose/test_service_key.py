"""Keys that stay in a service: their public parts and signatures in DER, and signatures that are made by them."""

import functools
import random

import pytest

from bkagent.errors import AgentError
from bkagent.jose import algorithms, der, ecdsa, jws, rsa
from bkagent.jose.errors import InvalidKey, InvalidSignature
from bkagent.jose.jwk import Jwk
from bkagent.jose.service_key import ServiceKey
from tests.jose import der_text

NAMES = ("RS256", "PS512", *der_text.CURVES)
NAME = "arn:aws:kms:eu-west-1:111122223333:key/one"


@functools.lru_cache(maxsize=None)
def private_key(name):
    return algorithms.generate(name) if name in der_text.CURVES else rsa.generate(2048)


def service_key(name, key_id=NAME, damage=lambda answer: answer):
    """Return a key whose service answers as AWS and Google do; `damage` changes the answers."""
    key = private_key(name)

    def sign_digest(digest):
        if name in der_text.CURVES:
            return damage(der_text.ecdsa_value(ecdsa.sign(key, digest, f"sha{name[2:]}")))
        return damage((rsa.sign_pss if name[0] == "P" else rsa.sign_pkcs1)(key, digest, f"sha{name[2:]}"))

    return ServiceKey(name, key_id, der_text.public_key_info(key.public), sign_digest)


@pytest.mark.parametrize("name", NAMES)
def test_a_key_service_signs_and_anyone_verifies(name):
    key = service_key(name)
    signature = jws.sign(b"content", key)
    exported = Jwk(private_key(name).public, name, NAME)
    assert jws.verify(signature, b"content", [exported]) == exported
    assert jws.verify(signature, b"content", [key.public]) == key.public
    with pytest.raises(InvalidSignature):
        jws.verify(signature, b"other content", [key.public])


def test_a_signature_that_names_no_key_fits_that_of_the_service_alone():
    """Source: buildkite-agent 3.137, which writes no kid where a key service signs, and asks for none there."""
    key = service_key("ES256", key_id="")
    signature = jws.sign(b"content", key)
    assert jws.verify(signature, b"content", [key.public]) == key.public
    with pytest.raises(InvalidSignature, match="has no kid"):
        jws.verify(signature, b"content", [Jwk(private_key("ES256").public, "ES256", "k")])


@pytest.mark.parametrize(
    "damage",
    [lambda answer: answer[:-1], lambda answer: answer + b"\0", lambda answer: b"", lambda answer: answer[::-1]],
)
@pytest.mark.parametrize("name", ["ES256", "RS256"])
def test_a_damaged_answer_of_the_service_is_an_error(name, damage):
    with pytest.raises(AgentError):
        service_key(name, damage=damage).sign(b"content")


def test_a_key_of_another_algorithm_is_refused():
    info = der_text.public_key_info(private_key("ES256").public)
    for name in ("ES384", "RS256", "EdDSA", "HS256"):
        with pytest.raises(InvalidKey):
            ServiceKey(name, "k", info, lambda digest: b"")


@pytest.mark.parametrize("name", NAMES)
def test_public_keys_are_read(name):
    public = private_key(name).public
    assert der.public_key(der_text.public_key_info(public)) == public


@pytest.mark.parametrize("name", ["ES512", "RS256"])
def test_a_changed_public_key_is_refused_or_another(name):
    public = private_key(name).public
    text, seeded = der_text.public_key_info(public), random.Random(name)
    for _ in range(600):
        changed = bytearray(text)
        for _ in range(seeded.randint(1, 3)):
            changed[seeded.randrange(len(changed))] = seeded.randrange(256)
        cut = bytes(changed[: seeded.choice((len(changed), seeded.randrange(len(changed))))])
        try:
            assert der.public_key(cut) != public or cut == text
        except InvalidKey as problem:
            assert "\n" not in str(problem)
    with pytest.raises(InvalidKey):
        der.public_key(text + b"\0")
    with pytest.raises(InvalidKey, match="not supported"):
        kind = der_text.sequence(der_text.object_identifier("Ed25519"))
        der.public_key(der_text.sequence(kind, der_text.encode(3, bytes(33))))


def test_numbers_of_a_signature_have_one_spelling():
    curve = der_text.CURVES["ES256"]
    one, order = der_text.integer(1), der_text.integer(curve.order)
    assert der.ecdsa_signature(der_text.sequence(one, one), curve) == (bytes(31) + b"\1") * 2
    for wrong in (
        der_text.sequence(one),
        der_text.sequence(one, one, one),
        der_text.sequence(one, order),
        der_text.sequence(one, der_text.integer(0)),
        der_text.sequence(one, der_text.encode(2, b"\0\1")),
        der_text.sequence(one, der_text.encode(2, b"\x80")),
        der_text.sequence(one, der_text.encode(2, b"")),
        b"\x30\x81\x06" + one + one,
        b"\x30\x06" + one + one + b"\0",
    ):
        with pytest.raises(InvalidKey):
            der.ecdsa_signature(wrong, curve)
