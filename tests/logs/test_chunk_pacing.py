"""When chunks are sent: at once what is full or first, and otherwise one an interval."""

import math
import random

import pytest

from bkagent.logs.upload.chunk_pacing import MOST_IN_FLIGHT, ChunkPacing

FULL = 1000


def test_first_lines_go_together_a_moment_after_the_first_of_them():
    """A job begins with lines of the agent's; what people look for is the first line of its command."""
    pace = ChunkPacing(FULL, 1.0)
    assert pace.take(500, 0, False, 10.0) == 0  # what the agent says
    assert pace.due_in_s(500, 0, 10.0) == pytest.approx(0.05)
    assert pace.take(550, 0, False, 10.06) == 550  # with what has come meanwhile
    assert pace.take(9, 0, False, 10.12) == 0
    assert pace.due_in_s(9, 0, 10.12) == pytest.approx(0.88)
    assert pace.take(19, 0, False, 11.0) == 19


def test_lines_with_quiet_between_them_go_early_each():
    pace = ChunkPacing(FULL, 1.0)
    for number in range(20):
        now = 1.3 * number
        assert pace.take(5, 0, False, now) == 0 and pace.due_in_s(5, 0, now) == pytest.approx(0.05)
        assert pace.take(5, 0, False, now + 0.05 + 1e-9) == 5
        assert pace.take(0, 0, False, now + 0.2) == 0 and pace.due_in_s(0, 0, now + 0.2) is None


def test_an_early_chunk_that_was_one_too_many_is_the_only_one_for_ten_intervals():
    pace = ChunkPacing(FULL, 1.0)
    assert pace.take(5, 0, False, 0.0) == 0 and pace.take(5, 0, False, 0.1) == 5  # early
    assert pace.take(5, 0, False, 0.5) == 0 and pace.take(5, 0, False, 1.0) == 5  # more came
    assert pace.take(5, 0, False, 9.5) == 0 and pace.due_in_s(5, 0, 9.5) == 1.0
    assert pace.take(5, 0, False, 10.5) == 5
    assert pace.take(5, 0, False, 10.6) == 0 and pace.due_in_s(5, 0, 10.6) == pytest.approx(0.05)


def test_a_short_job_costs_two_chunks_at_most():
    pace = ChunkPacing(FULL, 1.0)
    taken = [pace.take(5, 0, False, hundredth / 100) for hundredth in range(90)]
    assert len([size for size in taken if size]) == 1 and pace.take(5, 0, True, 0.9) == 5


def test_full_chunks_go_side_by_side_and_partial_ones_alone():
    pace = ChunkPacing(FULL, 1.0)
    assert pace.take(5000, MOST_IN_FLIGHT - 1, False, 0.0) == FULL
    assert pace.take(5000, MOST_IN_FLIGHT, False, 0.0) == 0
    assert pace.take(999, 1, False, 0.0) == 0
    assert pace.due_in_s(999, 1, 0.0) is None


def test_what_is_left_at_the_end_waits_for_nothing():
    pace = ChunkPacing(FULL, 1.0)
    assert pace.take(10, 0, False, 0.0) == 0
    assert pace.take(20, 3, True, 0.01) == 20


@pytest.mark.parametrize("interval_s", [0.0, 5e-324, 1e-9])
def test_an_interval_of_nearly_nothing_keeps_nothing_back(interval_s):
    pace = ChunkPacing(FULL, interval_s)
    for now in (0.0, 1.0, 2.0):
        assert pace.take(10, 0, False, now) or pace.take(10, 0, False, now + 0.001) == 10


def test_huge_chunks_do_not_fill_the_memory():
    assert ChunkPacing(100 * 1024 * 1024, 1.0).most_in_flight == 1
    assert ChunkPacing(4 * 1024 * 1024, 1.0).most_in_flight == 2


# Beside the reference, which sends what there is each interval, cut into chunks, from any moment on.

_KINDS = {
    "steady": lambda chance: (chance.uniform(0, 0.2), chance.randrange(1, 60)),
    "bursts": lambda chance: (chance.choice((0.01, 0.02, chance.uniform(0, 4))), chance.randrange(1, 60)),
    "rare": lambda chance: (chance.uniform(0.5, 3), chance.randrange(1, 60)),
    "pairs": lambda chance: (chance.choice((0.0713, 2.8731)), 10),
    "floods": lambda chance: (chance.uniform(0, 1.5), chance.randrange(1, 5000)),
}


def _printed(kind, seed):
    """Return (time, size) of what a job prints in 60 intervals."""
    chance, now, pieces = random.Random(f"{kind} {seed}"), 0.0, []
    while now < 60:
        now += _KINDS[kind](chance)[0]
        pieces.append((now, _KINDS[kind](chance)[1]))
    return [piece for piece in pieces if piece[1]]


def _sent_by_pace(pieces):
    """Return (time, size) of each chunk, from a loop that wakes when something is printed or due."""
    pace, unsent, sent = ChunkPacing(FULL, 1.0), 0, []
    for index, (now, size) in enumerate(pieces):
        unsent += size
        following = pieces[index + 1][0] if index + 1 < len(pieces) else float("inf")
        while now < following:
            take = pace.take(unsent, 0, False, now)
            if take:
                unsent -= take
                sent.append((now, take))
                continue
            due_in_s = pace.due_in_s(unsent, 0, now)
            if due_in_s is None:
                break
            now += max(due_in_s, 1e-9)
    assert not unsent
    return sent


def _sent_by_the_reference(pieces, first_at):
    """Return the time of each chunk."""
    waiting = {}
    for now, size in pieces:
        point = math.ceil(now - first_at)
        waiting[point] = waiting.get(point, 0) + size
    return [first_at + point for point, size in sorted(waiting.items()) for _ in range(-(-size // FULL))]


@pytest.mark.parametrize("kind", sorted(_KINDS))
def test_each_ten_intervals_there_is_at_most_one_chunk_more_than_the_reference_sends(kind):
    for seed in range(40):
        pieces = _printed(kind, seed)
        ours = _sent_by_pace(pieces)
        assert sum(size for _, size in ours) == sum(size for _, size in pieces)
        for first_at in (pieces[0][0] - part / 8 for part in range(8)):
            theirs = _sent_by_the_reference(pieces, first_at)
            for count, (now, _) in enumerate(ours, 1):
                # A full chunk goes when it is full: the reference has it an interval later at most.
                most = sum(1 for then in theirs if then <= now + (1 if kind == "floods" else 0))
                assert count <= most + math.ceil((now - pieces[0][0]) / 10), (seed, first_at, now)


def test_over_any_ten_intervals_steady_output_costs_eleven_chunks():
    for seed in range(40):
        times = [now for now, _ in _sent_by_pace(_printed("steady", seed))]
        for index, begin in enumerate(times):
            assert sum(1 for now in times[index:] if now < begin + 10) <= 11, (seed, begin)


@pytest.mark.parametrize("kind", sorted(_KINDS))
def test_nothing_waits_longer_than_an_interval(kind):
    for seed in range(40):
        pieces = _printed(kind, seed)
        ours, at, arrived = _sent_by_pace(pieces), 0, 0
        for now, size in pieces:
            arrived += size
            while sum(part for _, part in ours[:at]) < arrived:
                at += 1
            assert ours[at - 1][0] <= now + 1 + 1e-6
