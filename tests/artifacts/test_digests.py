"""Checksums of long files, which two threads take in passes of their own."""

import hashlib
import os
import random
import threading

import pytest

from bkagent.artifacts import digests, file_identity
from bkagent.errors import AgentError, Cancelled

MIB = 1024 * 1024


@pytest.fixture
def starts(monkeypatch):
    """What is called before each thread that takes a sum is started."""
    start, calls = threading.Thread.start, []

    def start_after_calls(thread):
        if thread.name == "artifact-digest":
            for call in calls:
                call()
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_after_calls)
    return calls


@pytest.fixture
def settled(monkeypatch):
    """Have files count as old at once."""
    monkeypatch.setattr(file_identity, "_GRAIN_NS", 0)


def plant(path, seed, size=9 * MIB + 1):
    content = random.Random(seed).getrandbits(8 * size).to_bytes(size, "little")
    path.write_bytes(content)
    return content


def check(read, content):
    expected = (len(content), hashlib.sha1(content).hexdigest(), hashlib.sha256(content).hexdigest())
    assert (read.size, read.sha1, read.sha256) == expected


def test_a_long_file_has_the_sums_of_its_bytes(tmp_path, starts, settled):
    content, started = plant(tmp_path / "long", 1), []
    starts.append(lambda: started.append(True))
    check(digests.read(str(tmp_path / "long"), lambda: False), content)
    assert started


def test_a_file_that_has_just_been_written_is_read_in_one_pass(tmp_path, starts, monkeypatch):
    monkeypatch.setattr(file_identity, "_GRAIN_NS", 10**15)
    content, started = plant(tmp_path / "long", 2), []
    starts.append(lambda: started.append(True))
    check(digests.read(str(tmp_path / "long"), lambda: False), content)
    assert not started


def test_a_file_that_another_replaces_between_the_passes_is_read_again(tmp_path, starts, settled):
    plant(tmp_path / "long", 3)
    content = plant(tmp_path / "next", 4)

    def replace():
        if (tmp_path / "next").exists():
            os.replace(tmp_path / "next", tmp_path / "long")

    starts.append(replace)
    check(digests.read(str(tmp_path / "long"), lambda: False), content)


def test_a_file_that_goes_between_the_passes_is_unreadable(tmp_path, starts, settled):
    plant(tmp_path / "long", 5)
    starts.append((tmp_path / "long").unlink)
    with pytest.raises(AgentError, match=r"opening file .*long: no such file or directory"):
        digests.read(str(tmp_path / "long"), lambda: False)


def test_a_stop_ends_both_passes(tmp_path, starts, settled):
    plant(tmp_path / "long", 6)
    asking = set()

    def cancelled():
        asking.add(threading.current_thread().name)
        return True

    with pytest.raises(Cancelled):
        digests.read(str(tmp_path / "long"), cancelled)
    assert threading.current_thread().name in asking


def test_without_threads_the_sums_are_the_same(tmp_path, starts, settled):
    def fail():
        raise RuntimeError("can't start new thread")

    starts.append(fail)
    content = plant(tmp_path / "long", 7)
    check(digests.read(str(tmp_path / "long"), lambda: False), content)
