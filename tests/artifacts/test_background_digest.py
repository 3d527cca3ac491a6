"""The checksum of a long content, taken by a thread of its own."""

import _thread
import hashlib
import random
from types import SimpleNamespace

from bkagent.artifacts.download.background_digest import BackgroundDigest
from bkagent.transport import work_threads
from bkagent.transport.work_threads import WorkThreads
from tests.fakes.conditions import until

MIB = 1024 * 1024


def test_sums_are_right_at_any_moment():
    chance = random.Random(19)
    for _ in range(3):
        digest, expected = BackgroundDigest(), hashlib.sha256()
        for _ in range(60):
            block = (
                bytes(chance.getrandbits(8) for _ in range(8)) * chance.choice([0, 1, 1000, 60_000])
                if chance.random() < 0.9
                else b""
            )
            digest.update(block)
            expected.update(block)
            if chance.random() < 0.2:
                assert digest.hexdigest() == expected.hexdigest()
        assert digest.hexdigest() == expected.hexdigest()
        digest.close()


def test_a_short_content_starts_no_thread_and_that_of_a_long_one_ends(monkeypatch):
    running = []  # 1 for each thread that was started, 0 once it has ended

    def start(run, arguments):
        number = len(running)
        running.append(1)

        def run_noted(*given):
            run(*given)
            running[number] = 0

        return _thread.start_new_thread(run_noted, arguments)

    monkeypatch.setattr(work_threads, "_thread", SimpleNamespace(**{**vars(_thread), "start_new_thread": start}))
    digest = BackgroundDigest()
    digest.update(bytes(MIB))
    assert running == []
    for _ in range(9):
        digest.update(bytes(MIB))
    assert digest.hexdigest() == hashlib.sha256(bytes(10 * MIB)).hexdigest() and running == [1]
    digest.close()
    until(lambda: running == [0])


def test_without_threads_it_sums_by_itself(monkeypatch):
    def refuse(*_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(WorkThreads, "put", refuse)
    digest = BackgroundDigest()
    for _ in range(12):
        digest.update(bytes(MIB))
    assert digest.hexdigest() == hashlib.sha256(bytes(12 * MIB)).hexdigest()
