"""Workers that end jobs ask for the next in turn, as many at a time as there are processors."""

import threading

import pytest

from bkagent.agent.session.beginnings import Beginnings


def ask(beginnings, index, asked):
    def wait():
        beginnings.await_turn(index)
        asked.append(index)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


@pytest.fixture
def endless(monkeypatch):
    """Jobs that begin for longer than the test takes."""
    for name in ("_BEGINS_WITHIN_S", "_LONGEST_WAIT_S"):
        monkeypatch.setattr(f"bkagent.agent.session.beginnings.{name}", 60.0)


def test_a_worker_waits_for_another_job_to_end(endless):
    beginnings, asked = Beginnings(at_once=2), []
    beginnings.mark_begun(1)
    beginnings.await_turn(2)
    threads = [ask(beginnings, index, asked) for index in (3, 4)]
    threads[0].join(0.05)
    assert asked == []
    beginnings.mark_ended(2)
    while not asked and any(thread.is_alive() for thread in threads):
        threads[0].join(0.01)
    assert len(asked) == 1  # it counts itself
    beginnings.mark_ended(asked[0])
    for thread in threads:
        thread.join(30)
    assert sorted(asked) == [3, 4]


def test_its_own_last_job_does_not_count(endless):
    beginnings = Beginnings(at_once=1)
    for _ in range(3):
        beginnings.await_turn(1)
        beginnings.mark_ended(1)


@pytest.mark.parametrize("name", ["_BEGINS_WITHIN_S", "_LONGEST_WAIT_S"])
def test_a_job_that_takes_long_is_not_waited_for(endless, monkeypatch, name):
    monkeypatch.setattr(f"bkagent.agent.session.beginnings.{name}", 0.01)
    beginnings, asked = Beginnings(at_once=1), []
    beginnings.mark_begun(1)
    ask(beginnings, 2, asked).join(30)
    assert asked == [2]
