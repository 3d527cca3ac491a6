"""Pings asked of a plane directly, whose answers the test waits for."""

from __future__ import annotations

import threading
import time

from bkagent.controlplane.plane.dispatching.held_ping import HeldPing
from bkagent.controlplane.plane.plane import Plane
from bkagent.wire.ping import Ping

WAIT_S = 20.0


def has_answer(ping: HeldPing, timeout_s: float = WAIT_S) -> bool:
    """Wait for the answer of a ping; return whether it has come."""
    known = threading.Event()
    ping.on_known(known.set)
    return known.wait(timeout_s)


def next_action(plane: Plane, agent_id: str, *, hold_s: float = 0.0) -> Ping:
    """Return the answer of a new ping, as a server that holds pings for so long gives it."""
    ping = plane.dispatch.begin_ping(agent_id, hold_s)
    if not has_answer(ping, max(0.0, ping.deadline_s - time.monotonic())):
        plane.dispatch.expire(ping)
        assert has_answer(ping)
    assert ping.answer is not None
    return ping.answer
