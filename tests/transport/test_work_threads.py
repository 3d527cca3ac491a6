"""Threads for work: which of them does it, how many there are, and when they end."""

import threading

from bkagent.transport.work_threads import WorkThreads
from tests.fakes.conditions import until


def await_idle(threads, count):
    until(lambda: len(threads._waiting) == count)


def make_idle(threads, count):
    """Have so many threads start, and then wait."""
    barrier = threading.Barrier(count)
    for _ in range(count):
        threads.put(lambda: barrier.wait(30))
    await_idle(threads, count)


def test_the_thread_that_has_slept_for_the_shortest_time_does_the_work_and_no_other_wakes():
    threads, workers, woken = WorkThreads(kept_count=3), [], []
    make_idle(threads, 3)
    sleepers = list(threads._waiting[:2])
    for _ in range(20):
        threads.put(lambda: workers.append(threading.get_ident()))
        await_idle(threads, 3)
        woken += [sleeper for sleeper, waiting in zip(sleepers, threads._waiting) if sleeper is not waiting]
    assert len(workers) == 20 and len(set(workers)) == 1 and not woken
    threads.close()


def test_work_beyond_the_limit_waits_for_its_turn_and_is_done_in_order():
    threads, hold, done = WorkThreads(1), threading.Event(), []
    assert not threads.is_full
    threads.put(lambda: hold.wait(30))
    assert threads.is_full
    for number in range(50):
        threads.put(lambda number=number: done.append(number))
    hold.set()
    until(lambda: len(done) == 50)
    assert done == list(range(50))
    await_idle(threads, 1)
    assert not threads.is_full
    threads.close()


def test_threads_beyond_those_that_are_kept_end_with_their_work_and_all_with_the_close():
    threads = WorkThreads(kept_count=2)
    barrier = threading.Barrier(5)
    for _ in range(5):
        threads.put(lambda: barrier.wait(30))
    until(lambda: threads._threads_count == 2)
    await_idle(threads, 2)
    threads.close()
    assert threads._threads_count == 0
    did = threading.Event()
    threads.put(did.set)  # what comes late is done all the same
    assert did.wait(30)
    until(lambda: threads._threads_count == 0)
