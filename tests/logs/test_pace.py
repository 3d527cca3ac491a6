"""When chunks are sent: at once what is full or first, and otherwise one an interval."""

import random

import pytest

from bkagent.logs.pace import MOST_IN_FLIGHT, Pace


def test_the_first_line_goes_at_once_and_the_next_waits_for_the_interval():
    pace = Pace(1000, 1.0)
    _use_up_the_beginning(pace)
    assert pace.take(10, 0, False, 100.0) == 10
    assert pace.take(5, 0, False, 100.5) == 0
    assert pace.due_in_s(5, 0, 100.5) == 0.5
    assert pace.take(7, 0, False, 101.0) == 7
    assert pace.take(1, 0, False, 150.0) == 1  # after a quiet spell
    assert pace.take(0, 0, False, 160.0) == 0
    assert pace.due_in_s(0, 0, 160.0) is None


def _use_up_the_beginning(pace):
    for number in range(4):
        assert pace.take(1, 0, False, number * 0.1) == 1


def test_the_first_line_of_a_command_does_not_wait_for_the_interval_that_the_agents_own_lines_began():
    pace = Pace(1000, 1.0)
    assert pace.take(500, 0, False, 10.0) == 500  # what the agent says
    assert pace.take(20, 0, False, 10.02) == 0
    assert pace.due_in_s(20, 0, 10.02) == pytest.approx(0.03)
    assert pace.take(30, 0, False, 10.06) == 30  # a prompt
    assert pace.take(9, 0, False, 10.12) == 9  # the first line
    assert pace.take(9, 0, False, 10.18) == 9
    assert pace.take(9, 0, False, 10.5) == 0  # no more of that
    assert pace.take(9, 0, False, 11.18) == 9


def test_full_chunks_go_side_by_side_and_partial_ones_alone():
    pace = Pace(1000, 1.0)
    assert pace.take(5000, MOST_IN_FLIGHT - 1, False, 0.0) == 1000
    assert pace.take(5000, MOST_IN_FLIGHT, False, 0.0) == 0
    assert pace.take(999, 1, False, 0.0) == 0
    assert pace.due_in_s(999, 1, 0.0) is None


def test_what_is_left_at_the_end_waits_for_nothing():
    pace = Pace(1000, 1.0)
    assert pace.take(10, 0, False, 0.0) == 10
    assert pace.take(20, 3, True, 0.1) == 20


def test_huge_chunks_do_not_fill_the_memory():
    assert Pace(100 * 1024 * 1024, 1.0).most_in_flight == 1
    assert Pace(4 * 1024 * 1024, 1.0).most_in_flight == 2


def test_a_job_that_prints_steadily_costs_one_partial_chunk_an_interval():
    for seed in range(50):
        chance = random.Random(seed)
        pace, now, unsent, partial, sent = Pace(1000, 1.0), 0.0, 0, [], 0
        printed = 0
        while now < 60:
            now += chance.random() * 0.2
            size = chance.randrange(400)
            printed, unsent = printed + size, unsent + size
            while True:
                take = pace.take(unsent, 0, False, now)
                if not take:
                    break
                if take < 1000:
                    partial.append(now)
                unsent, sent = unsent - take, sent + take
        assert len(partial) <= 61 + 3
        assert all(later - earlier >= 1.0 for earlier, later in zip(partial[3:], partial[4:]))
        assert sent + unsent == printed
