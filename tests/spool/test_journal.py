"""The journal of chunks survives whatever stops its writer."""

import os
import random
import threading

import pytest

from bkagent.errors import WireError
from bkagent.spool.journal import Chunk, Journal


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "chunks")


def content(path):
    with open(path, "rb") as file:
        return file.read()


def test_chunks_are_numbered_from_one_and_follow_each_other(path):
    journal = Journal(path)
    assert [journal.cut(10), journal.cut(5)] == [Chunk(1, 0, 10), Chunk(2, 10, 5)]
    journal.acknowledge(1)
    assert content(path) == b"c 1 0 10\nc 2 10 5\na 1\n"
    assert journal.unacknowledged() == [Chunk(2, 10, 5)]
    journal.close()
    with pytest.raises(ValueError):
        journal.cut(1)


def test_who_goes_on_has_the_same_chunks(path):
    journal = Journal(path)
    for size in (3, 4, 5):
        journal.cut(size)
    journal.acknowledge(2)
    journal.close()
    again = Journal(path)
    assert again.unacknowledged() == [Chunk(1, 0, 3), Chunk(3, 7, 5)]
    assert again.next_offset == 12
    assert again.cut(1) == Chunk(4, 12, 1)
    again.acknowledge(1)
    again.acknowledge(1)  # a duplicate answer
    assert Journal(path).unacknowledged() == [Chunk(3, 7, 5), Chunk(4, 12, 1)]


def test_a_line_that_was_being_written_does_not_count(path):
    for seed in range(200):
        chance = random.Random(seed)
        journal = Journal(path)
        for _ in range(chance.randrange(1, 10)):
            chunk = journal.cut(chance.randrange(1, 1000))
            if chance.random() < 0.5:
                journal.acknowledge(chunk.sequence)
        journal.close()
        text = content(path)
        cut = chance.randrange(len(text) + 1)
        os.truncate(path, cut)
        whole = text[: text[:cut].rfind(b"\n") + 1]
        journal = Journal(path)
        chunk = journal.cut(7)
        journal.close()
        assert content(path) == whole + b"c %d %d 7\n" % (chunk.sequence, chunk.offset)
        assert chunk.sequence == whole.count(b"c") + 1
        os.unlink(path)


@pytest.mark.parametrize(
    "text",
    [b"x\n", b"\n", b"a\n", b"a x\n", b"c 1\n", b"c 1 0 0\n", b"c 2 0 5\n", b"c 1 4 5\n", b"c 1 0 5\nc 1 5 5\n"],
)
def test_damage_is_told_with_its_line(path, text):
    with open(path, "wb") as file:
        file.write(text)
    with pytest.raises(WireError, match=f"line {text.count(b'c') or 1} "):
        Journal(path)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs POSIX resource limits")
def test_a_line_that_the_disk_has_no_room_for_leaves_nothing_behind(path):
    import resource

    journal = Journal(path)
    journal.cut(100)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(content(path)) + 4, hard))
    try:
        with pytest.raises(OSError):
            journal.cut(5)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert content(path) == b"c 1 0 100\n"
    assert journal.cut(7) == Chunk(2, 100, 7)
    assert Journal(path).unacknowledged() == [Chunk(1, 0, 100), Chunk(2, 100, 7)]


def test_closing_waits_for_no_sync_that_is_under_way(path, monkeypatch):
    journal = Journal(path)
    began, goes_on, synced = threading.Event(), threading.Event(), []

    def slow_disk(fd):
        began.set()
        goes_on.wait(30)
        os.fsync(fd)  # fails when the descriptor has been closed under it
        synced.append(fd)

    monkeypatch.setattr("bkagent.spool.synced_file.sync_file", slow_disk)
    syncing = threading.Thread(target=journal.sync, daemon=True)
    syncing.start()
    assert began.wait(30)
    closing = threading.Thread(target=journal.close, daemon=True)
    closing.start()
    closing.join(10)
    held_up = closing.is_alive()
    goes_on.set()
    syncing.join(30)
    assert not held_up and len(synced) == 1
    with pytest.raises(OSError):
        os.fstat(synced[0])
    journal.sync()  # nothing is left to do
    assert len(synced) == 1
