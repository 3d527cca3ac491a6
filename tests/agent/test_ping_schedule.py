"""When a worker asks for work."""

import random

from bkagent.agent.session.ping_schedule import PingSchedule


def test_moments_are_one_interval_apart_wherever_one_looks_from():
    phase = PingSchedule(10.0, 100.0, lambda: 0.3)
    assert [phase.next_after(now) for now in (100.0, 102.9, 103.0, 113.0, 112.99, 250.0)] == [
        103.0, 103.0, 113.0, 123.0, 113.0, 253.0,
    ]  # fmt: skip


def test_the_next_moment_is_later_and_no_more_than_an_interval_away():
    rng = random.Random(3)
    for _ in range(2000):
        interval, start = rng.uniform(0.01, 60), rng.uniform(0, 1e6)
        now = start + rng.uniform(0, 1e5)
        wait = PingSchedule(interval, start, rng.random).next_after(now) - now
        assert 0 < wait <= interval * 1.0001
