"""What one sender finds out about the control plane helps the others."""

import threading
import time

from bkagent.logs.upload.shared_backoff import SharedBackoff, SharedBackoffs
from tests.fakes.conditions import until


def never():
    return False


def test_a_success_wakes_all_who_wait_at_once():
    backoff = SharedBackoff(chance=lambda: 1.0)
    for _ in range(8):  # failures in a row: turns are seconds apart by now
        threading.Thread(target=backoff.wait, args=(never,), daemon=True).start()
    waited = []
    waiters = [threading.Thread(target=lambda: waited.append(backoff.wait(never, 1))) for _ in range(8)]
    for waiter in waiters:
        waiter.start()
    deadline = time.monotonic() + 10
    while any(waiter.is_alive() for waiter in waiters) and time.monotonic() < deadline:
        backoff.over()
        waiters[0].join(0.01)
    assert waited == [False] * 8


def test_those_who_fail_take_turns():
    backoff = SharedBackoff(chance=lambda: 0.0)
    order = []

    def wait():
        backoff.wait(never, 1)
        order.append(time.monotonic())

    waiters = [threading.Thread(target=wait) for _ in range(3)]
    started = time.monotonic()
    for waiter in waiters:
        waiter.start()
    for waiter in waiters:
        waiter.join(20)
    # 0.75 of 0.25, then of 0.5, then of 1 second, one after another. A late thread makes these longer, never shorter.
    assert len(order) == 3
    for turn, least_s in zip(sorted(order), (0.1875, 0.5625, 1.3125)):
        assert turn - started >= least_s


def test_a_first_try_waits_for_a_turn_once_several_have_failed_in_a_row():
    """A job that prints much would knock with eight chunks before it had noticed that none of them arrives."""
    backoff, asked, held = SharedBackoff(chance=lambda: 1.0), [], []
    for _ in range(2):
        threading.Thread(target=backoff.wait, args=(lambda: asked.append(1),), daemon=True).start()
    until(lambda: len(asked) >= 2)
    assert not backoff.hold(never), "two failures may be chance"
    for _ in range(6):
        threading.Thread(target=backoff.wait, args=(lambda: asked.append(1),), daemon=True).start()
    until(lambda: len(asked) >= 8)
    holder = threading.Thread(target=lambda: held.append(backoff.hold(never)))
    holder.start()
    holder.join(0.2)
    assert holder.is_alive(), "it does not wait for its turn, which is seconds away"
    until(lambda: backoff.over() or not holder.is_alive())
    assert held == [False] and not backoff.hold(never) and backoff.hold(lambda: True)


def test_a_request_that_fails_alone_is_not_tried_without_a_pause():
    backoff = SharedBackoff()
    stopped = threading.Event()
    others = threading.Thread(target=lambda: [backoff.over() for _ in iter(stopped.is_set, True)])
    others.start()
    started = time.monotonic()
    assert not backoff.wait(never, 5)
    assert time.monotonic() - started >= 0.02 * 2**5
    stopped.set()
    others.join()


def test_a_stop_ends_the_wait_and_the_server_s_wish_is_heeded():
    backoff, stop = SharedBackoff(), threading.Event()
    waited = []
    waiter = threading.Thread(target=lambda: waited.append(backoff.wait(stop.is_set, 1, 50.0)))
    waiter.start()
    backoff.over()
    waiter.join(0.2)
    assert waiter.is_alive(), "it does not wait as long as the server asked"
    stop.set()
    backoff.wake()
    waiter.join(10)
    assert waited == [True]
    assert backoff.wait(lambda: True)


def test_those_who_talk_to_one_endpoint_share_what_they_know():
    backoffs = SharedBackoffs()
    assert backoffs.of("http://one") is backoffs.of("http://one")
    assert backoffs.of("http://one") is not backoffs.of("http://other")
