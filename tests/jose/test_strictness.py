"""Keys and signatures that are refused, each with one line that has no part of a key in it."""

import json

import pytest

from bkagent.jose import algorithms, base64url, jwk, jws, key_set, primes, rsa
from bkagent.jose.errors import InvalidKey, InvalidSignature
from bkagent.jose.jwk import Jwk
from tests.jose.rfc_keys import ED25519_KEY, HMAC_KEY, P256_KEY, P521_KEY

P256 = 2**256 - 2**224 + 2**192 + 2**96 - 1
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
# The points of order 1, 2, 4 and 8 of Ed25519, in each encoding that a lax reader takes.
SMALL_ORDER = (
    "01" + "00" * 31, "01" + "00" * 30 + "80", "ec" + "ff" * 30 + "7f", "ec" + "ff" * 31, "00" * 32,
    "00" * 31 + "80", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "ed" + "ff" * 30 + "7f", "ee" + "ff" * 30 + "7f",
)  # fmt: skip
CONTENT = b"content"
ED25519 = {**ED25519_KEY, "alg": "EdDSA", "kid": "ed"}
HMAC = {**HMAC_KEY, "alg": "HS256", "kid": "hs"}


def changed(document, **members):
    """Return a key with members in place of its own; None takes one away."""
    joined = {**document, **members}
    return {name: member for name, member in joined.items() if member is not None}


def number(value, size):
    return base64url.encode(value.to_bytes(size, "big"))


RSA_MODULUS = base64url.encode(b"\xff" * 256)
BAD_KEYS = [
    ([], "a key must be a JSON object"),
    ({}, "kty is missing"),
    ({"kty": 1}, "kty must be a text"),
    ({"kty": "XX"}, "unsupported kty"),
    (changed(ED25519, alg="none"), "unsupported alg"),
    (changed(ED25519, alg="HS256"), "the key does not suit the algorithm HS256"),
    (changed(HMAC, alg="EdDSA"), "the key does not suit the algorithm EdDSA"),
    (changed(P256_KEY, alg="ES512"), "the key does not suit the algorithm ES512"),
    (changed(P256_KEY, alg="PS512"), "the key does not suit the algorithm PS512"),
    (changed(ED25519, crv="Ed448"), "unsupported crv"),
    (changed(ED25519, kid="\ud800"), "kid is no valid Unicode text"),
    (changed(ED25519, x=None), "x is missing"),
    (changed(ED25519, x=ED25519["x"] + "="), "x is not base64url without padding"),
    (changed(ED25519, x=ED25519["x"][:-1] + "p"), "x is not base64url without padding"),
    (changed(ED25519, x=" " + ED25519["x"]), "x is not base64url"),
    (changed(ED25519, x=ED25519["x"][:40]), "x has 30 bytes, not 32"),
    (changed(ED25519, d=ED25519["d"][:40]), "d has 30 bytes, not 32"),
    (changed(ED25519, d=base64url.encode(bytes(32))), "d does not belong to x"),
    *((changed(ED25519, x=base64url.encode(bytes.fromhex(text))), "") for text in SMALL_ORDER),
    (changed(ED25519, x=base64url.encode(b"\x02" + bytes(31))), "x is no point of the curve Ed25519"),
    (changed(P256_KEY, crv="P-384"), "x has 32 bytes, not 48"),
    (changed(P256_KEY, crv="secp256k1"), "unsupported crv"),
    (changed(P256_KEY, crv="Ed25519"), "unsupported crv"),
    (changed(P256_KEY, y=P256_KEY["x"]), "x and y are no point of the curve P-256"),
    (changed(P256_KEY, x=number(0, 32), y=number(0, 32)), "x and y are no point of the curve P-256"),
    (changed(P256_KEY, x=number(P256 + 5, 32)), "x and y are no point of the curve P-256"),
    (changed(P256_KEY, d=number(0, 32)), "d is out of range"),
    (changed(P256_KEY, d=number(P256_ORDER, 32)), "d is out of range"),
    (changed(P256_KEY, d=number(7, 32)), "d does not belong to x and y"),
    (changed(P521_KEY, d=P521_KEY["d"][4:]), "d has 63 bytes, not 66"),
    ({"kty": "RSA", "e": "AQAB"}, "n is missing"),
    ({"kty": "RSA", "n": base64url.encode(b"\xff" * 128), "e": "AQAB"}, "n has 1024 bits"),
    ({"kty": "RSA", "n": base64url.encode(b"\xff" * 1025), "e": "AQAB"}, "n has more than 8192 bits"),
    ({"kty": "RSA", "n": base64url.encode(b"\xff" * 255 + b"\xfe"), "e": "AQAB"}, "n is even"),
    ({"kty": "RSA", "n": base64url.encode(b"\0" + b"\xff" * 256), "e": "AQAB"}, "n is not written in as few bytes"),
    ({"kty": "RSA", "n": RSA_MODULUS, "e": "AQ"}, "e is not an odd number from 3"),
    ({"kty": "RSA", "n": RSA_MODULUS, "e": "BA"}, "e is not an odd number from 3"),
    ({"kty": "RSA", "n": RSA_MODULUS, "e": base64url.encode(b"\xff" * 256)}, "e is not an odd number from 3"),
    ({"kty": "RSA", "n": RSA_MODULUS, "e": "AQAB", "d": "AQAB"}, "d does not belong to n and e"),
    ({"kty": "RSA", "n": RSA_MODULUS, "e": "AQAB", "d": "AQAB", "p": "Aw"}, "q is missing"),
    ({"kty": "RSA", "n": RSA_MODULUS, "e": "AQAB", "p": "Aw", "q": "Aw"}, "d is missing"),
    ({"kty": "RSA", "n": RSA_MODULUS, "e": "AQAB", **dict.fromkeys(("d", "p", "q", "dp", "dq", "qi"), "Aw")},
     "p and q are not the factors of n"),
    (changed(HMAC, k="AAAA"), "k is shorter than the 256 bits"),
    (changed(HMAC, key_ops="sign"), "key_ops must be a list of texts"),
]  # fmt: skip


@pytest.mark.parametrize("document, problem", BAD_KEYS)
def test_a_key_that_is_not_one(document, problem):
    with pytest.raises(InvalidKey) as refused:
        jwk.parse(document)
    text = str(refused.value)
    assert problem in text and "\n" not in text
    secret = document.get("d") if isinstance(document, dict) else None
    assert secret is None or secret not in text


BAD_SETS = [
    (b"", "not JSON"),
    (b"\xff", "not JSON"),
    (b"[]", "a key set must be a JSON object"),
    (b'{"keys": {}}', '"keys" must be a list'),
    (b'{"keys": [], "keys": []}', "a name twice"),
    (b'{"keys": [NaN]}', "not JSON"),
    (b"[" * 100_000, "not JSON"),
    (b'{"keys": [%s]}' % (b"9" * 1000), "not JSON"),
    (json.dumps({"keys": [HMAC, {"kty": "x"}]}).encode(), "keys[1]: unsupported kty"),
    (json.dumps({"keys": [HMAC, ED25519, HMAC]}).encode(), 'keys[0] and keys[2] have the same kid: "hs"'),
    (json.dumps({"keys": [changed(HMAC, kid="a\nb" * 1000)] * 2}).encode(), 'the same kid: "a\\nba\\n'),
    (json.dumps(HMAC).replace("{", '{"kty": "oct", ').encode(), "a name twice"),
]  # fmt: skip


@pytest.mark.parametrize("text, problem", BAD_SETS)
def test_a_text_that_is_no_key_set(text, problem):
    with pytest.raises(InvalidKey) as refused:
        key_set.parse(text)
    assert problem in str(refused.value) and "\n" not in str(refused.value) and len(str(refused.value)) < 300


def test_a_single_key_is_a_set_too():
    assert [key.key_id for key in key_set.parse(json.dumps(ED25519).encode())] == ["ed"]


KEYS = key_set.parse(json.dumps({"keys": [ED25519, HMAC]}).encode())
SIGNED = jws.sign(CONTENT, KEYS[0])
HEADER, _, VALUE = SIGNED.split(".")


def under(header_text, value=VALUE):
    """Return a signature under another header than its own."""
    return f"{base64url.encode(header_text.encode())}..{value}"


def signed_by_hmac(header_text):
    """Return a signature with a header of any form, by the symmetric key."""
    first = base64url.encode(header_text.encode())
    message = f"{first}.{base64url.encode(CONTENT)}".encode()
    return f"{first}..{base64url.encode(algorithms.sign('HS256', KEYS[1].key, message))}"


def with_higher_s():
    """Return the same signature with S plus the order, which lax verifiers take for another one."""
    value = base64url.decode(VALUE)
    higher = int.from_bytes(value[32:], "little") + ED25519_ORDER
    return f"{HEADER}..{base64url.encode(value[:32] + higher.to_bytes(32, 'little'))}"


BAD_SIGNATURES = [
    ("", "no compact JWS with detached content"),
    ("x", "no compact JWS with detached content"),
    (f"{HEADER}.{base64url.encode(CONTENT)}.{VALUE}", "no compact JWS with detached content"),
    (f"{SIGNED}.x", "no compact JWS with detached content"),
    (f"..{VALUE}", "not JSON"),
    (f"{HEADER}..", "does not belong to this content"),
    (f"{HEADER}..{VALUE}=", "not base64url without padding"),
    (f"{HEADER}..{VALUE[:-1]}", "not base64url"),
    (f"{HEADER}..{VALUE[:80]}", "does not belong to this content"),
    (f"{HEADER}..{VALUE}AAAA", "does not belong to this content"),
    (f"{HEADER}..{base64url.encode(bytes(64))}", "does not belong to this content"),
    (with_higher_s(), "does not belong to this content"),
    (f"{HEADER} ..{VALUE}", "not base64url"),
    (f"{HEADER}..{'A' * 1_000_000}", "more than 16384"),
    (under('[]'), "not a JSON object"),
    (under('{}'), "no alg"),
    (under('{"alg":"none","kid":"ed"}', ""), "another algorithm than EdDSA"),
    (under('{"alg":"EdDSA"}'), "no kid"),
    (under('{"alg":"EdDSA","kid":1}'), "invalid kid"),
    (under('{"alg":"EdDSA","kid":"other"}'), 'no key "other"'),
    (under('{"alg":"HS256","kid":"ed"}'), "another algorithm than EdDSA"),
    (signed_by_hmac('{"alg":"HS256","kid":"hs","kid":"hs"}'), "a name twice"),
    (signed_by_hmac('{"alg":"HS256","kid":"hs","crit":["exp"]}'), "has crit"),
    (signed_by_hmac('{"alg":"HS256","kid":"hs","crit":["b64"],"b64":false}'), "has crit"),
    (signed_by_hmac('{"alg":"HS256","kid":"hs","b64":false}'), "has b64"),
    (signed_by_hmac('{"alg":"HS512","kid":"hs"}'), "another algorithm than HS256"),
]  # fmt: skip


@pytest.mark.parametrize("text, problem", BAD_SIGNATURES, ids=[f"{at}" for at in range(len(BAD_SIGNATURES))])
def test_a_signature_that_is_not_one(text, problem):
    with pytest.raises(InvalidSignature) as refused:
        jws.verify(text, CONTENT, KEYS)
    assert problem in str(refused.value) and "\n" not in str(refused.value)


def test_members_of_a_header_that_are_not_critical_are_ignored():
    assert jws.verify(signed_by_hmac('{"typ":"JOSE", "kid":"hs", "alg":"HS256"}'), CONTENT, KEYS) is KEYS[1]


@pytest.mark.parametrize("position", range(0, 64, 7))
def test_a_flipped_bit_is_seen(position):
    value = bytearray(base64url.decode(VALUE))
    value[position] ^= 1 << (position % 8)
    with pytest.raises(InvalidSignature):
        jws.verify(f"{HEADER}..{base64url.encode(bytes(value))}", CONTENT, KEYS)
    with pytest.raises(InvalidSignature):
        jws.verify(SIGNED, CONTENT + b"\0", KEYS)


@pytest.mark.parametrize("r, s", [(0, 1), (1, 0), (P256_ORDER, 1), (1, P256_ORDER), (0, 0), (1, 1)])
def test_numbers_of_ecdsa_that_are_out_of_range(r, s):
    key = jwk.parse(P256_KEY).key
    assert not algorithms.verify("ES256", key, b"", r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def test_what_a_key_is_not_for():
    for members in ({"use": "enc"}, {"key_ops": ["encrypt"]}, {"key_ops": []}):
        key = jwk.parse({**ED25519, **members})
        with pytest.raises(InvalidKey, match="do not allow it to sign"):
            jws.sign(CONTENT, key)
        with pytest.raises(InvalidSignature, match="do not allow it to verify"):
            jws.verify(SIGNED, CONTENT, [key])
    verifier = jwk.parse({**ED25519, "key_ops": ["verify"]})
    assert jws.verify(SIGNED, CONTENT, [verifier]) is verifier


def test_a_key_without_an_algorithm_signs_and_verifies_nothing():
    key = jwk.parse(changed(ED25519, alg=None))
    with pytest.raises(InvalidKey, match="no alg"):
        jws.sign(CONTENT, key)
    with pytest.raises(InvalidSignature, match="no alg"):
        jws.verify(SIGNED, CONTENT, [key])


def test_a_public_key_does_not_sign_and_a_symmetric_one_has_no_public_part():
    with pytest.raises(InvalidKey, match="needs the private one"):
        jws.sign(CONTENT, KEYS[0].public)
    with pytest.raises(InvalidKey, match="no public part"):
        _ = KEYS[1].public


def test_nothing_shows_a_private_key():
    for key in (*KEYS, jwk.parse(P256_KEY), Jwk(algorithms.generate("ES256"), "ES256", "new")):
        shown = repr(key) + str(key)
        for name in ("d", "k"):
            secret = key.document().get(name)
            assert secret is None or (
                secret not in shown and str(int.from_bytes(base64url.decode(secret), "big")) not in shown
            )


def test_a_key_of_rsa_without_its_primes_signs():
    """RFC 7518 section 6.3.2: all that is there but d may be left out."""
    key = rsa.generate(2048)
    whole = Jwk(key, "PS512", "k").document()
    short = {name: text for name, text in whole.items() if name not in ("p", "q", "dp", "dq", "qi")}
    recovered = jwk.parse(short)
    assert {recovered.key.p, recovered.key.q} == {key.p, key.q}
    jws.verify(jws.sign(b"text", recovered), b"text", [Jwk(key.public, "PS512", "k")])
    for d in (key.d + 2, key.d - 1, 1, key.public.n - 2):
        with pytest.raises(InvalidKey, match="d does not belong to n and e"):
            rsa.complete(key.public, d)


def test_exponents_that_agree_for_a_modulus_without_two_primes():
    """x ** d ** e is x for all x where n is prime: no primes come out, and it ends.

    A modulus that a key may have takes 4 s; that a key without primes is refused is shown above.
    """
    n = 2**607 - 1
    assert primes.recover_primes(n, 65537, pow(65537, -1, n - 1)) is None
