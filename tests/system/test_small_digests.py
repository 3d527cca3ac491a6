"""Digests without OpenSSL: the same as those of `hashlib` and `hmac`."""

import hashlib
import hmac
import random

from bkagent.system import small_digests


def test_digests_are_those_of_hashlib_and_hmac():
    numbers = random.Random(20)
    for size in (0, 1, 32, 63, 64, 65, 200):  # a block of SHA-256 has 64 bytes
        key, message = (bytes(numbers.randrange(256) for _ in range(size)) for _ in range(2))
        assert small_digests.sha256_hex(message) == hashlib.sha256(message).hexdigest()
        assert small_digests.sha256_hex_for(size * 10_000)(message) == hashlib.sha256(message).hexdigest()
        assert small_digests.sha1_hex(message) == hashlib.sha1(message).hexdigest()
        assert small_digests.hmac_sha256_hex(key, message) == hmac.new(key, message, "sha256").hexdigest()


def test_texts_are_compared():
    assert small_digests.is_equal(b"token", b"token")
    assert not small_digests.is_equal(b"token", b"toke") and not small_digests.is_equal(b"token", b"other")
