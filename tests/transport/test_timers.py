"""What waits for a moment has no thread, and holds up nothing else."""

import sys
import threading
import time

import pytest

from bkagent.transport.timers import Timers
from bkagent.transport.work_threads import WorkThreads
from tests.fakes.conditions import until

PATIENCE_S = 30


@pytest.fixture
def timers():
    made = Timers()
    yield made
    made.close()


def test_tasks_are_called_in_the_order_of_their_moments(timers):
    called, ended = [], threading.Event()
    now = time.monotonic()
    for name, moment_s in (("third", now + 0.3), ("first", now), ("second", now + 0.15)):
        timers.timer("t", lambda name=name: (called.append(name), len(called) == 3 and ended.set())).arm(moment_s)
    assert ended.wait(PATIENCE_S) and called == ["first", "second", "third"]
    assert time.monotonic() >= now + 0.3


def test_the_thread_may_be_there_before_anything_is_to_be_called(timers):
    before = threading.enumerate()
    timers.start()
    timers.start()
    assert [thread.name for thread in threading.enumerate() if thread not in before] == ["timers"]
    called = threading.Event()
    timers.call_later(0, called.set)
    assert called.wait(PATIENCE_S)


def test_a_task_that_hangs_holds_up_no_other(timers):
    release, others = threading.Event(), threading.Semaphore(0)
    for _ in range(20):
        timers.timer("t", lambda: release.wait(PATIENCE_S)).arm(time.monotonic())
    for _ in range(20):
        timers.timer("t", others.release).arm(time.monotonic())
    assert all(others.acquire(timeout=PATIENCE_S) for _ in range(20)) and not release.is_set()
    release.set()


def test_a_moment_replaces_the_one_before_and_none_is_kept_twice(timers):
    calls, ended = [], threading.Event()
    timer = timers.timer("t", lambda: calls.append("called"))
    for moment_s in (1.0, 3600.0, 0.1):
        timer.arm(time.monotonic() + moment_s)
    timers.timer("t", ended.set).arm(time.monotonic() + 1.1)
    assert ended.wait(PATIENCE_S)
    until(lambda: calls)  # by a thread of its own, which may be later
    assert calls == ["called"]


def test_what_is_hastened_is_called_now_if_it_is_to_be_called_at_all(timers):
    called, ended = [], threading.Event()
    never, disarmed, later = (timers.timer("t", lambda name=name: called.append(name)) for name in ("n", "d", "l"))
    disarmed.arm(time.monotonic() + 3600)
    later.arm(time.monotonic() + 3600)
    disarmed.disarm()
    for timer in (never, disarmed, later):
        timer.hasten()
    timers.timer("t", ended.set).arm(time.monotonic() + 0.1)
    assert ended.wait(PATIENCE_S)
    until(lambda: called)
    assert called == ["l"]


def test_a_defect_is_reported_and_ends_no_other_task(timers, monkeypatch):
    seen, ended = [], threading.Event()
    monkeypatch.setattr(
        sys,
        "excepthook",
        lambda kind, defect, trace: seen.append((str(defect), threading.current_thread().name)),
    )
    timers.timer("t", lambda: {}["defect"]).arm(time.monotonic())
    timers.timer("t", ended.set).arm(time.monotonic() + 0.05)
    assert ended.wait(PATIENCE_S)
    until(lambda: seen)
    assert seen == [("'defect'", "t")]


@pytest.mark.parametrize("problem", [RuntimeError, MemoryError])
def test_a_task_that_gets_no_thread_is_called_later(timers, monkeypatch, problem):
    start, refused, ended = WorkThreads.put, threading.Event(), threading.Event()

    def put(threads, work):
        if not refused.is_set():
            refused.set()
            raise problem("can't start new thread")
        start(threads, work)

    monkeypatch.setattr(WorkThreads, "put", put)
    timers.timer("t", ended.set).arm(time.monotonic())
    assert ended.wait(PATIENCE_S) and refused.is_set()


def test_a_thread_that_could_not_be_started_to_wait_is_started_for_the_next_moment(timers, monkeypatch):
    called, ended = threading.Event(), threading.Event()

    def refuse(thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError):
            timers.timer("t", called.set).arm(time.monotonic())
    timers.timer("t", ended.set).arm(time.monotonic())
    assert ended.wait(PATIENCE_S) and called.wait(PATIENCE_S)


def test_after_the_end_nothing_is_called(timers):
    called = []
    timer = timers.timer("t", lambda: called.append("called"))
    timer.arm(time.monotonic() + 3600)
    timers.close()
    timer.hasten()
    timer.arm(time.monotonic())
    while any(thread.name == "timers" for thread in threading.enumerate()):
        time.sleep(0.01)
    assert not called
