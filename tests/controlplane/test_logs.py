"""Logs are put together from chunks that come in any order, twice, or not at all."""

from __future__ import annotations

import os
import random
import threading

import pytest

from bkagent.controlplane.errors import Conflict, Forbidden, InvalidRequest, NotFound, PlaneError, Rejected
from bkagent.controlplane.plane.chunk_commits import ChunkCommits, _Note
from bkagent.controlplane.scheduling import limits
from bkagent.controlplane.store import chunks
from bkagent.controlplane.store.chunks import ChunkRow
from bkagent.controlplane.store.log_file import Extents
from tests.fakes.control_plane import deadline


def running(world):
    world.build([{"command": "a", "key": "a"}])
    return world.start("a").id


def cut(text, chance):
    """Cut bytes into chunks: (sequence, offset, data)."""
    parts, offset = [], 0
    while offset < len(text):
        size = chance.randint(1, 200)
        parts.append((len(parts) + 1, offset, text[offset : offset + size]))
        offset += size
    return parts


@pytest.mark.parametrize("seed", range(12))
def test_any_order_with_repetitions_gives_the_log_and_live_bytes_in_order(world, seed):
    chance = random.Random(seed)
    job = running(world)
    text = bytes(chance.randrange(256) for _ in range(chance.randint(1, 5000)))
    chunks = cut(text, chance)
    sent = chunks + [chance.choice(chunks) for _ in range(len(chunks))]
    chance.shuffle(sent)
    live = world.plane.feed.subscribe()
    seen = set()
    for number, (sequence, offset, data) in enumerate(sent):
        if chance.random() < 0.05:
            live.close()
            world.open()
            # Who subscribes later reads first what there is.
            live = world.plane.feed.subscribe()
        new = world.plane.logs.append(job, sequence, offset, len(data), data)
        assert new is (sequence not in seen), number
        seen.add(sequence)
        have = world.plane.logs.read(job)
        assert have == text[: len(have)] and len(have) == world.plane.logs.size(job)
    assert world.plane.logs.read(job) == text
    start = chance.randrange(len(text))
    assert world.plane.logs.read(job, start, 100) == text[start : start + 100]
    assert world.plane.logs.read(job, len(text)) == b""


@pytest.mark.parametrize("seed", range(6))
def test_live_bytes_are_contiguous_and_whole(world, seed):
    chance = random.Random(seed)
    job = running(world)
    text = bytes(chance.randrange(256) for _ in range(3000))
    chunks = cut(text, chance)
    chance.shuffle(chunks)
    live = world.plane.feed.subscribe()
    for sequence, offset, data in chunks:
        world.plane.logs.append(job, sequence, offset, len(data), data)
    shown = b""
    while True:
        event = live.get(0)
        if event is None:
            break
        assert (event.kind, event.job_id, event.offset) == ("log", job, len(shown))
        shown += event.data
    assert shown == text


def test_a_gap_hides_what_follows_until_the_job_has_ended(world):
    job = running(world)
    world.plane.logs.append(job, 1, 0, 3, b"abc")
    world.plane.logs.append(job, 3, 6, 3, b"ghi")
    assert (world.plane.logs.read(job), world.plane.logs.size(job)) == (b"abc", 3)
    world.finish("a", 0, chunks_failed_count=1)
    assert (world.plane.logs.read(job), world.plane.logs.size(job)) == (b"abcghi", 6)
    assert (world.plane.logs.read(job, 2, 2), world.plane.logs.read(job, 4)) == (b"cg", b"hi")


def test_a_late_chunk_of_a_job_that_was_given_up_is_kept(world):
    job = running(world)
    world.clock.now += 1000
    world.plane.expiry.tick()
    assert world.plane.logs.append(job, 1, 0, 3, b"abc")
    assert world.plane.logs.read(job) == b"abc"


@pytest.mark.parametrize(
    ("chunk", "error"),
    [
        ((1, 0, 4, b"abc"), InvalidRequest),
        ((1, 0, 0, b""), InvalidRequest),
        ((-1, 0, 3, b"abc"), Rejected),
        ((1, -1, 3, b"abc"), Rejected),
        ((limits.CHUNKS_PER_JOB + 1, 0, 3, b"abc"), Rejected),
        ((1, limits.LOG_BYTES - 2, 3, b"abc"), Rejected),
        ((1, 1 << 80, 3, b"abc"), Rejected),
        ((2, 0, 3, b"xyz"), Conflict),
        ((7, 12, 4, b"xyzz"), Conflict),
        ((7, 9, 4, b"xyzz"), Conflict),
    ],
)
def test_a_chunk_that_cannot_be_is_refused_and_changes_nothing(world, chunk, error):
    job = running(world)
    world.plane.logs.append(job, 2, 10, 5, b"01234")
    with pytest.raises(error):
        world.plane.logs.append(job, *chunk)
    world.plane.logs.append(job, 3, 0, 10, b"abcdefghij")
    assert world.plane.logs.read(job) == b"abcdefghij01234"


def test_a_chunk_larger_than_the_limit_is_refused(world):
    job = running(world)
    data = bytes(limits.CHUNK_BYTES + 1)
    with pytest.raises(Rejected):
        world.plane.logs.append(job, 1, 0, len(data), data)


def test_a_job_without_an_agent_has_no_log(world):
    world.build([{"command": "a", "key": "a"}, "wait"])
    for job in world.jobs():
        with pytest.raises(Rejected):
            world.plane.logs.append(job.id, 1, 0, 3, b"abc")
    with pytest.raises(NotFound):
        world.plane.logs.append("../../etc/passwd", 1, 0, 3, b"abc")
    with pytest.raises(NotFound):
        world.plane.logs.read("../../etc/passwd")


def test_a_deleted_log_is_empty_and_stays_so(world):
    job = running(world)
    world.plane.logs.append(job, 1, 0, 3, b"abc")
    with pytest.raises(Rejected):
        world.plane.logs.delete(job)
    world.finish("a")
    world.plane.logs.delete(job)
    world.open()
    assert (world.plane.logs.read(job), world.plane.logs.size(job)) == (b"", 0)
    assert os.listdir(os.path.join(world.folder, "logs")) == []


def test_header_times(world):
    job = running(world)
    world.plane.logs.put_header_times(job, {"10": "2020-01-01T00:00:10Z", "2": "2020-01-01T00:00:02Z"})
    assert world.plane.logs.header_times(job) == [(2, "2020-01-01T00:00:02Z"), (10, "2020-01-01T00:00:10Z")]
    for times in ({"x": "2020"}, {"-1": "2020"}, {"1": "2" * 65}, {"1" * 30: "2020"}, {"²": "2020"}):
        with pytest.raises(Rejected):
            world.plane.logs.put_header_times(job, times)


@pytest.mark.parametrize("seed", range(20))
def test_extents_agree_with_a_set_of_bytes(seed):
    chance = random.Random(seed)
    extents, bytes_there = Extents(), set()
    for _ in range(200):
        offset, size = chance.randrange(300), chance.randint(1, 12)
        added = set(range(offset, offset + size))
        assert extents.overlaps(offset, size) is bool(added & bytes_there)
        if not added & bytes_there:
            extents.add(offset, size)
            bytes_there |= added
        assert extents.total == len(bytes_there)
        assert extents.contiguous == next(at for at in range(400) if at not in bytes_there)
        start, length = chance.randrange(300), chance.choice((None, 5, 50))
        places = [
            at
            for position, count in extents.pieces(start, length, whole=True)
            for at in range(position, position + count)
        ]
        assert places == sorted(bytes_there)[start:][:length]


def test_a_log_takes_nothing_more_than_a_minute_after_the_end(world):
    job = running(world)
    world.clock.now += 1000
    assert world.plane.logs.accepts(job)
    world.finish("a", 0)
    world.clock.now += 59
    assert world.plane.logs.accepts(job)
    world.clock.now += 2
    assert not world.plane.logs.accepts(job)


def test_the_log_of_a_job_that_was_given_up_is_open_until_its_agent_has_told_of_the_end(world):
    job = running(world)
    world.clock.now += 1000
    world.plane.expiry.tick()
    world.clock.now += 24 * 3600
    assert world.plane.logs.accepts(job)
    with pytest.raises(Rejected):
        world.finish("a", 0)
    assert world.plane.jobs.get(job).reason == "the agent was lost, and reported the end too late"
    assert not world.plane.logs.accepts(job)


def test_only_the_agent_that_has_a_job_adds_to_its_log(world):
    job = running(world)
    with pytest.raises(Forbidden):
        world.plane.logs.append(job, 1, 0, 3, b"abc", "another agent")
    assert world.plane.logs.append(job, 1, 0, 3, b"abc", world.job("a").agent_id)
    world.finish("a", 0)
    world.clock.now += 61
    with pytest.raises(Rejected, match="its log is closed"):
        world.plane.logs.append(job, 2, 3, 3, b"def")


@pytest.mark.parametrize("gone_count", [0, 1])
def test_chunks_that_wait_for_the_store_are_committed_together_and_fail_alone(world, monkeypatch, gone_count):
    jobs = [running(world) for _ in range(8)] + ["a job that was deleted meanwhile"] * gone_count
    db, commits = world.plane.ledger.db, ChunkCommits(world.plane.ledger)
    statements, problems, rows = [], {}, db.rows
    monkeypatch.setattr(
        db, "rows", lambda statement, values=(): (statements.append(statement), rows(statement, values))[1]
    )

    def add(job):
        try:
            commits.add(ChunkRow(job, 1, 0, 3))
        except PlaneError as problem:
            problems[job] = problem

    threads = [threading.Thread(target=add, args=(job,)) for job in jobs]
    is_patient = deadline()
    with db.lock:
        for thread in threads:
            thread.start()
        while len(commits._waiting) < len(jobs) and is_patient():
            pass
    for thread in threads:
        thread.join()
    assert [chunks.extents(db, job) for job in jobs[:8]] == [[(0, 3)]] * 8
    assert list(problems) == jobs[8:]
    assert statements.count("COMMIT") == (1 if not gone_count else 8)


@pytest.mark.parametrize("is_first_alone", [False, True])
def test_a_chunk_is_committed_when_it_is_acknowledged_though_others_came_after_a_commit_in_vain(
    world, monkeypatch, is_first_alone
):
    """Two chunks, one of a job that is gone, are tried together; before the other's turn two more wait."""
    jobs = [running(world) for _ in range(3)]
    db, commits = world.plane.ledger.db, ChunkCommits(world.plane.ledger)
    chunk, *later = [ChunkRow(job, 1, 0, 3) for job in jobs]
    commit, lock = commits._commit, db.lock

    class Contended:
        """Another thread gets the lock first, and then there are others."""

        def __enter__(self):
            lock.acquire()
            monkeypatch.setattr(db, "lock", lock)
            commits._waiting.append(_Note(ChunkRow("a job that was deleted meanwhile", 1, 0, 3)))
            waiting, commits._waiting = commits._waiting, [_Note(chunk) for chunk in later[is_first_alone:]]
            with pytest.raises(PlaneError):
                commit(waiting)

        def __exit__(self, *problem):
            lock.release()

    monkeypatch.setattr(db, "lock", Contended())
    commits.add(chunk)
    assert chunks.extents(db, jobs[0]) == [(0, 3)]
