"""Checksums of long files, of which two threads take one each."""

import hashlib
import os
import random
import threading
from io import FileIO

import pytest

from bkagent.artifacts import digests
from bkagent.errors import AgentError, Cancelled

MIB = 1024 * 1024
LONG_BYTES = 9 * MIB + 1  # of which the last ones are summed by another thread


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


def plant(path, seed, size=LONG_BYTES):
    content = random.Random(seed).getrandbits(8 * LONG_BYTES).to_bytes(LONG_BYTES, "little") * 3
    content = content[:size]
    path.write_bytes(content)
    return content


def check(read, content):
    expected = (len(content), hashlib.sha1(content).hexdigest(), hashlib.sha256(content).hexdigest())
    assert (read.size, read.sha1, read.sha256) == expected


@pytest.mark.parametrize("size", [0, 1, 100_000, 8 * MIB, LONG_BYTES, 21 * MIB - 5])
def test_a_file_has_the_sums_of_its_bytes(tmp_path, starts, size):
    content, started = plant(tmp_path / "file", 1, size), []
    starts.append(lambda: started.append(True))
    check(digests.read(str(tmp_path / "file"), lambda: False), content)
    assert bool(started) == (size > 8 * MIB)


@pytest.mark.skipif(not os.path.exists("/proc/kallsyms"), reason="there is no such file")
def test_a_file_that_says_it_is_empty_is_read_in_blocks(monkeypatch):
    reads = []

    class CountingFile(FileIO):
        def readinto(self, block):
            reads.append(len(block))
            return super().readinto(block)

    monkeypatch.setattr(digests, "FileIO", CountingFile)
    read = digests.read("/proc/kallsyms", lambda: False)
    assert os.stat("/proc/kallsyms").st_size == 0 and len(reads) < 10 + read.size / 100


def test_a_file_that_another_replaces_while_it_is_read_is_read_again(tmp_path, starts):
    plant(tmp_path / "long", 3)
    content = plant(tmp_path / "next", 4)

    def replace():
        if (tmp_path / "next").exists():
            os.replace(tmp_path / "next", tmp_path / "long")

    starts.append(replace)
    check(digests.read(str(tmp_path / "long"), lambda: False), content)


def test_a_file_that_goes_while_it_is_read_is_unreadable(tmp_path, starts):
    plant(tmp_path / "long", 5)
    starts.append((tmp_path / "long").unlink)
    with pytest.raises(AgentError, match=r"opening file .*long: no such file or directory"):
        digests.read(str(tmp_path / "long"), lambda: False)


def test_a_stop_ends_both_threads(tmp_path, starts):
    plant(tmp_path / "long", 6)
    running, started = set(threading.enumerate()), []
    starts.append(lambda: started.append(True))
    with pytest.raises(Cancelled):
        digests.read(str(tmp_path / "long"), lambda: bool(started))
    for thread in set(threading.enumerate()) - running:
        thread.join(10)
    assert set(threading.enumerate()) <= running


def test_without_threads_the_sums_are_the_same(tmp_path, starts):
    def fail():
        raise RuntimeError("can't start new thread")

    starts.append(fail)
    content = plant(tmp_path / "long", 7)
    check(digests.read(str(tmp_path / "long"), lambda: False), content)
