"""A log reaches the control plane whole, whatever happens between."""

import gzip
import os
import random
import threading
import time

import pytest

from bkagent.errors import Refused, Unavailable, Unreachable
from bkagent.logs.upload.chunk_senders import GivenUp
from bkagent.logs.upload.uploader import Uploader
from bkagent.spool import directory
from bkagent.spool.job_entry import attach
from bkagent.spool.manifest import JobManifest
from bkagent.spool.result import Result


class Store:
    """A control plane's side of a log: chunks by number, a duplicate checked against the first."""

    def __init__(self, answer=lambda sequence: None):
        self.chunks = {}
        self.calls = []
        self.answer = answer  # may raise, before or after the chunk is taken
        self.lock = threading.Lock()
        self.most_at_once = self.at_once = 0

    def send(self, sequence, offset, size, body):
        with self.lock:
            self.calls.append((sequence, size))
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self.answer(sequence)
            data = gzip.decompress(body)
            assert len(data) == size
            with self.lock:
                assert self.chunks.setdefault(sequence, (offset, data)) == (offset, data)
        finally:
            with self.lock:
                self.at_once -= 1

    def log(self):
        at, pieces = 0, []
        for number, sequence in enumerate(sorted(self.chunks), 1):
            offset, data = self.chunks[sequence]
            assert (sequence, offset) == (number, at)
            pieces.append(data)
            at += len(data)
        return b"".join(pieces)


class Running:
    """An upload in a thread of its own."""

    def __init__(self, entry, send, said=None):
        self.stop = threading.Event()
        self.error = None
        said = [] if said is None else said
        self.uploader = Uploader(entry, send, lambda level, text, event: said.append((level, text)))
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        try:
            self.uploader.run(self.stop)
        except Exception as problem:
            self.error = problem

    def join(self):
        self.thread.join(30)
        assert not self.thread.is_alive()
        if self.error:
            raise self.error


@pytest.fixture
def entry_for(tmp_path):
    def make(**more):
        return directory.create(str(tmp_path / "spool"), JobManifest("job-1", "", "", **more))

    return make


def until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def content(entry):
    with open(entry.log_path, "rb") as log:
        return log.read()


@pytest.mark.parametrize("seed", range(6))
def test_a_log_arrives_whole_over_a_bad_line(entry_for, seed):
    chance = random.Random(seed)
    entry = entry_for(chunk_max_bytes=chance.choice([1, 100, 1000, 100_000]), chunk_interval_s=0.01)

    def answer(_sequence):
        kind = chance.random()
        if kind < 0.05:
            raise Unreachable("connection reset")
        if kind < 0.1:
            raise Unavailable("503", 503)

    store = Store(answer)
    running = Running(entry, store.send)
    side = attach(entry.folder)
    for _ in range(chance.randrange(40)):
        side.append(chance.getrandbits(8 * 30).to_bytes(30, "big") * chance.randrange(3))
    side.finish(Result(0))
    side.close()
    running.join()
    assert running.uploader.complete
    assert store.log() == content(entry)


def test_an_empty_log_makes_no_chunk(entry_for):
    entry, store = entry_for(), Store()
    side = attach(entry.folder)
    side.finish(Result(0))
    side.close()
    Running(entry, store.send).join()
    assert store.calls == []


def test_lines_of_the_agent_before_and_after_the_job_are_part_of_the_log(entry_for):
    entry, store = entry_for(), Store()
    entry.append(b"before\n")
    assert entry.settle(Result(-1, signal_reason="agent_refused"))
    running = Running(entry, store.send)
    running.join()
    entry.append(b"after\n")
    running.uploader.run(threading.Event())
    assert store.log() == b"before\nafter\n"


def test_the_first_line_goes_out_while_the_job_runs(entry_for):
    entry, store = entry_for(chunk_interval_s=3600.0), Store()
    running = Running(entry, store.send)
    side = attach(entry.folder)
    side.append(b"first\n")
    until(lambda: store.chunks)
    side.append(b"second\n")
    side.append(b"third\n")
    side.finish(Result(0))
    side.close()
    running.join()
    assert store.calls == [(1, 6), (2, 13)]


def test_a_backlog_goes_out_side_by_side(entry_for):
    entry = entry_for(chunk_max_bytes=1000)
    together = threading.Barrier(8)
    store = Store(lambda sequence: together.wait(20) if sequence <= 16 else None)
    side = attach(entry.folder)
    side.append(os.urandom(20_000))
    running = Running(entry, store.send)
    side.finish(Result(0))
    side.close()
    running.join()
    assert store.most_at_once == 8
    assert store.log() == content(entry)


def test_after_an_outage_everything_follows_and_the_order_of_numbers_is_kept(entry_for):
    entry = entry_for(chunk_max_bytes=1000)
    down = threading.Event()
    down.set()

    def answer(_sequence):
        if down.is_set():
            raise Unreachable("connection refused")

    store, said = Store(answer), []
    side = attach(entry.folder)
    side.append(b"x" * 100_000)
    running = Running(entry, store.send, said)
    until(lambda: len(store.calls) >= 10)
    down.clear()
    side.finish(Result(0))
    side.close()
    running.join()
    assert store.log() == b"x" * 100_000
    assert [level for level, _ in said] == ["warn"] * len(said) and 1 <= len(said) <= 8


def test_a_refused_chunk_ends_the_upload_and_the_entry_stays(entry_for):
    entry = entry_for(chunk_max_bytes=10)

    def answer(sequence):
        if sequence == 3:
            raise Refused("POST chunks: 404: no such job", 404)

    side = attach(entry.folder)
    side.append(b"x" * 25)
    running = Running(entry, Store(answer).send)
    side.finish(Result(0))
    side.close()
    with pytest.raises(GivenUp, match="no such job") as found:
        running.join()
    assert found.value.status == 404 and found.value.chunks_failed_count >= 1
    assert content(entry) == b"x" * 25 and entry.owned and not running.uploader.complete


def test_a_stop_leaves_the_rest_to_the_next(entry_for):
    entry = entry_for(chunk_max_bytes=10)

    def answer(sequence):
        if sequence > 2:
            raise Unreachable("down")

    first = Store(answer)
    side = attach(entry.folder)
    side.append(b"0123456789" * 10)
    running = Running(entry, first.send)
    until(lambda: len(first.chunks) == 2)
    running.stop.set()
    running.uploader.nudge()
    running.join()
    assert not running.uploader.complete
    entry.release()
    (taken,) = directory.entries(os.path.dirname(entry.folder))
    assert taken.try_own()
    second = Store()
    side.append(b"rest")
    side.finish(Result(0))
    side.close()
    Running(taken, second.send).join()
    for sequence, chunk in first.chunks.items():
        assert second.chunks.setdefault(sequence, chunk) == chunk
    assert second.log() == b"0123456789" * 10 + b"rest"


def test_a_log_whose_end_went_with_the_power_keeps_its_offsets(entry_for):
    entry, store = entry_for(chunk_max_bytes=10), Store()
    entry.append(b"0123456789abc")
    assert entry.settle(Result(-1))
    Running(entry, store.send).join()
    os.truncate(entry.log_path, 5)
    running = Running(entry, store.send)
    running.join()
    entry.append(b"lost\n")
    running.uploader.run(threading.Event())
    assert store.log() == b"0123456789abclost\n"


def test_a_log_over_its_limit_is_told_once_and_goes_on(entry_for):
    entry, store, said = entry_for(chunk_max_bytes=10, log_max_bytes=15), Store(), []
    side = attach(entry.folder)
    running = Running(entry, store.send, said)
    for _ in range(10):
        side.append(b"0123456789")
    side.finish(Result(0))
    side.close()
    running.join()
    assert len(store.log()) == 100
    assert len(said) == 1 and "exceeds 15 bytes" in said[0][1]
