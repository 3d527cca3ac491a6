"""Stopping in levels."""

import threading

from bkagent.agent.shutdown import FORCED, GRACEFUL, Shutdown


def test_the_level_only_rises():
    stop = Shutdown()
    assert not stop.wait(0)
    stop.request(FORCED)
    stop.request(GRACEFUL)
    assert stop.level == FORCED and stop.wait(0) and stop.wait(0, FORCED)


def test_every_waiting_thread_is_woken():
    stop = Shutdown()
    woken = []
    waiter = threading.Thread(target=lambda: woken.append(stop.wait(60)))
    waiter.start()
    stop.request(GRACEFUL)
    waiter.join(30)
    assert woken == [True] and not stop.wait(0, FORCED)


def test_callbacks_hear_each_rise_once_and_a_late_one_hears_what_was():
    stop, heard, late = Shutdown(), [], []
    remove = stop.on_request(heard.append)
    stop.request(GRACEFUL)
    stop.request(GRACEFUL)
    stop.on_request(late.append)
    remove()
    stop.request(FORCED)
    assert heard == [GRACEFUL] and late == [GRACEFUL, FORCED]


def test_an_endless_wait_is_no_overflow():
    stop = Shutdown()
    threading.Timer(0.01, stop.request, (GRACEFUL,)).start()
    assert stop.wait(float("inf"))
