"""Ed25519 with points that have a part of small order: verified without the cofactor, as Go's crypto/ed25519 does."""

import hashlib
import random

from bkagent.jose import ed25519
from bkagent.jose.ed25519 import EdPublicKey

ORDER = 2**252 + 27742317777372353535851937790883648493
OF_ORDER_8 = bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")
BASE = bytes.fromhex("58" + "66" * 31)


def product(number, text):
    """Return an encoded point times a number, by the plainest way."""
    total, point = ed25519._decoded(b"\1" + bytes(31)), ed25519._decoded(text)
    while number:
        total = ed25519._added(total, point) if number & 1 else total
        point, number = ed25519._added(point, point), number >> 1
    return total


def mixed(number, part):
    """Return the base point times a number, plus a point of small order times another."""
    return ed25519._encoded(ed25519._added(product(number, BASE), product(part, OF_ORDER_8)))


def test_a_signature_holds_only_where_both_sides_are_the_same_point():
    """A rule with the cofactor would take each of these; go 1.26 takes the same ones as we do."""
    seeded, verdicts = random.Random(18), []
    for at in range(60):
        secret, nonce = seeded.randrange(1, ORDER), seeded.randrange(1, ORDER)
        part_of_key, part_of_r = (0, 0) if at % 10 == 0 else (seeded.randrange(8), seeded.randrange(8))
        key, r, message = mixed(secret, part_of_key), mixed(nonce, part_of_r), str(at).encode()
        challenge = int.from_bytes(hashlib.sha512(r + key + message).digest(), "little") % ORDER
        s = ((nonce + challenge * secret) % ORDER).to_bytes(32, "little")
        verdicts.append(ed25519.verify(EdPublicKey(key), message, r + s))
        assert verdicts[-1] == ((part_of_r + challenge * part_of_key) % 8 == 0), at
    assert set(verdicts) == {True, False}
