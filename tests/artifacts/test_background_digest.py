"""The checksum of a long content, taken by a thread of its own."""

import hashlib
import random
import threading

import pytest

from bkagent.artifacts.background_digest import AHEAD_COUNT, BackgroundDigest
from tests.fakes.conditions import until

MIB = 1024 * 1024


@pytest.fixture
def running():
    """Return the threads that this test's digests have."""
    before = set(threading.enumerate())
    return lambda: [thread for thread in threading.enumerate() if thread not in before]


def test_sums_are_right_at_any_moment():
    chance = random.Random(19)
    for _ in range(3):
        digest, expected = BackgroundDigest(), hashlib.sha256()
        for _ in range(60):
            block = chance.getrandbits(64).to_bytes(8, "big") * chance.choice([0, 1, 1000, 60_000])
            digest.update(block)
            expected.update(block)
            if chance.random() < 0.2:
                assert digest.hexdigest() == expected.hexdigest()
        assert digest.hexdigest() == expected.hexdigest()
        digest.close()


def test_blocks_may_be_used_again_after_those_that_wait():
    digest, expected = BackgroundDigest(), hashlib.sha256()
    blocks = [bytearray(MIB) for _ in range(AHEAD_COUNT + 1)]
    for number in range(40):
        block = blocks[number % len(blocks)]
        block[:] = bytes([number]) * MIB
        expected.update(block)
        digest.update(memoryview(block))
    assert digest.hexdigest() == expected.hexdigest()
    digest.close()


def test_a_short_content_starts_no_thread_and_that_of_a_long_one_ends(running):
    digest = BackgroundDigest()
    digest.update(bytes(MIB))
    assert running() == []
    for _ in range(9):
        digest.update(bytes(MIB))
    assert digest.hexdigest() == hashlib.sha256(bytes(10 * MIB)).hexdigest() and len(running()) == 1
    digest.close()
    until(lambda: running() == [])


def test_what_cannot_be_added_fails_the_sum():
    digest = BackgroundDigest()
    for _ in range(9):
        digest.update(bytes(MIB))
    digest.update("no bytes")
    with pytest.raises(TypeError):
        digest.hexdigest()
    digest.close()


def test_without_threads_it_sums_by_itself(monkeypatch):
    def refuse(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    digest = BackgroundDigest()
    for _ in range(12):
        digest.update(bytes(MIB))
    assert digest.hexdigest() == hashlib.sha256(bytes(12 * MIB)).hexdigest()
