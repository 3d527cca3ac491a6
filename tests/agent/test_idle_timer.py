"""When workers have been idle for long enough."""

from bkagent.agent.session.idle_timer import IdleTimer

FOREVER = float("inf")


def test_a_worker_that_has_not_heard_from_the_control_plane_is_not_idle():
    idleness = IdleTimer(2, 30)
    idleness.mark_idle(1, 100.0)
    assert idleness.left_s(1000.0) == FOREVER


def test_the_count_starts_with_the_last_to_become_idle():
    idleness = IdleTimer(2, 30)
    idleness.mark_idle(1, 100.0)
    idleness.mark_idle(2, 110.0)
    idleness.mark_idle(1, 120.0)  # said again: nothing new
    assert idleness.left_s(120.0) == 20.0
    assert idleness.left_s(141.0) == 0.0


def test_a_busy_worker_holds_all_and_one_that_left_none():
    idleness = IdleTimer(2, 30)
    idleness.mark_idle(1, 100.0)
    idleness.mark_idle(2, 100.0)
    idleness.mark_busy(2)
    assert idleness.left_s(200.0) == FOREVER
    idleness.remove(2)
    assert idleness.left_s(200.0) == 0.0


def test_without_a_limit_no_worker_leaves():
    idleness = IdleTimer(1, 0)
    idleness.mark_idle(1, 0.0)
    assert idleness.left_s(1e9) == FOREVER
