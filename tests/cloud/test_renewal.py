"""Credentials are renewed in time, once for all threads, and a failure of that ends nothing that still works."""

from __future__ import annotations

import itertools
import threading
from typing import List

import pytest

from bkagent.cloud.renewal import Expiring, Renewal
from bkagent.errors import Unreachable
from tests.fakes.conditions import until


class _Source:
    """Gives "1", "2", ... each for an hour; may fail, and may be held."""

    def __init__(self) -> None:
        self.now_s, self.fetched_count, self.is_down, self.lifetime_s = 1000.0, 0, False, 3600.0
        self.held = threading.Event()
        self.held.set()
        self.messages: List[str] = []
        self.renewal = Renewal(self.fetch, lambda: self.now_s, self.report, what="credentials of a test")

    def fetch(self) -> Expiring[str]:
        self.fetched_count += 1
        number = self.fetched_count
        assert self.held.wait(60)
        if self.is_down:
            raise Unreachable("the source is down")
        return Expiring(str(number), self.now_s + self.lifetime_s)

    def report(self, level: str, text: str) -> None:
        self.messages.append(f"{level} {text}")


def test_fetched_once_and_renewed_before_it_expires() -> None:
    source = _Source()
    assert [source.renewal.get(), source.renewal.get()] == ["1", "1"]
    source.now_s += 3600 - 301
    assert source.renewal.get() == "1"
    source.now_s += 2
    assert [source.renewal.get(), source.renewal.get()] == ["2", "2"]


def test_threads_that_start_together_fetch_once() -> None:
    source = _Source()
    source.held.clear()
    contents: List[str] = []
    threads = [threading.Thread(target=lambda: contents.append(source.renewal.get())) for _ in range(20)]
    for thread in threads:
        thread.start()
    until(lambda: source.fetched_count)
    source.held.set()
    for thread in threads:
        thread.join()
    assert contents == ["1"] * 20
    assert source.fetched_count == 1


class _CountingLock:
    """Counts those who wait for it, or have it."""

    def __init__(self) -> None:
        self._lock, self.takers = threading.Lock(), itertools.count(1)
        self.taken_count = 0

    def acquire(self, blocking: bool) -> bool:
        self.taken_count = next(self.takers)
        return self._lock.acquire(blocking)

    def release(self) -> None:
        self._lock.release()


def test_threads_that_start_together_share_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    source, lock = _Source(), _CountingLock()
    monkeypatch.setattr(source.renewal, "_renewing", lock)
    source.held.clear()
    source.is_down = True
    failures: List[Unreachable] = []

    def get() -> None:
        try:
            source.renewal.get()
        except Unreachable as problem:
            failures.append(problem)

    threads = [threading.Thread(target=get) for _ in range(20)]
    for thread in threads:
        thread.start()
    until(lambda: lock.taken_count == 20)
    source.held.set()
    for thread in threads:
        thread.join()
    assert len(failures) == 20 and source.fetched_count == 1
    source.is_down = False
    assert source.renewal.get() == "2"  # who asks later has it fetched again


def test_nobody_waits_for_what_is_renewed_early() -> None:
    source = _Source()
    source.renewal.get()
    source.now_s += 3500
    source.held.clear()
    contents: List[str] = []
    thread = threading.Thread(target=lambda: contents.append(source.renewal.get()))
    thread.start()
    until(lambda: source.fetched_count == 2)
    assert source.renewal.get() == "1"
    source.held.set()
    thread.join()
    assert contents == ["2"]


def test_a_source_that_is_down_ends_nothing_before_the_content_has_expired() -> None:
    source = _Source()
    source.renewal.get()
    source.now_s += 3500
    source.is_down = True
    assert [source.renewal.get(), source.renewal.get()] == ["1", "1"]
    assert source.fetched_count == 2  # and not asked again for each request
    assert source.messages == [
        "warn The credentials of a test expire soon and could not be renewed yet: the source is down"
    ]
    source.now_s += 61
    source.is_down = False
    assert source.renewal.get() == "3"
    source.is_down = True
    source.now_s += 3601
    with pytest.raises(Unreachable):
        source.renewal.get()


def test_what_a_server_calls_expired_is_fetched_anew_once() -> None:
    source = _Source()
    expired = source.renewal.get()
    source.renewal.discard(expired)
    assert source.renewal.get() == "2"
    source.renewal.discard(expired)
    assert source.renewal.get() == "2"


def test_a_source_of_short_lived_credentials_is_not_asked_for_each_request() -> None:
    source = _Source()
    source.lifetime_s = 200.0
    for _ in range(5):
        source.renewal.get()
        source.now_s += 10
    assert source.fetched_count == 1
    source.now_s += 20
    assert source.renewal.get() == "2"
    source.now_s += 201
    assert source.renewal.get() == "3"  # expired: no pause holds it up
