"""Tell the control plane, at a fixed interval, that a session is alive."""

from __future__ import annotations

import threading
import time
from typing import Callable

from bkagent.errors import AgentError, Cancelled, Unreachable, WireError
from bkagent.remote.client import Client
from bkagent.remote.worker import agents
from bkagent.transport.timers import Timers
from bkagent.wire.log_events import EventReport, with_event
from bkagent.wire.timestamps import rfc3339


class Heartbeat:
    """Beats until `stop()`; the first time after one whole interval, with `at_once` at once.

    timers      calls for each beat; one that is held up holds up no other
    client      returns the client to use now, since a session may move
    on_beat     called after each beat that the control plane took
    on_refusal  called with the error when it refused one: the session is over, and beating ends
    A defect, in these two as well, costs one beat.
    """

    def __init__(
        self,
        client: Callable[[], Client],
        interval_s: float,
        timers: Timers,
        *,
        report: EventReport,
        on_beat: Callable[[], None],
        on_refusal: Callable[[AgentError], None],
        at_once: bool = False,
    ) -> None:
        self._client, self._interval_s, self._report = client, interval_s, report
        self._report_retry = with_event(report, "control_plane.retry")
        self._on_beat, self._on_refusal = on_beat, on_refusal
        self._at_once = at_once
        self._ended = threading.Event()
        self._timer = timers.timer("heartbeat", self._beat_and_go_on)
        self._next_at = 0.0

    def start(self) -> None:
        """Begin."""
        self._next_at = time.monotonic() + (0.0 if self._at_once else self._interval_s)
        self._timer.arm(self._next_at)

    def stop(self) -> None:
        """End; a beat that is on its way is not waited for."""
        self._ended.set()
        self._timer.disarm()

    def _beat_and_go_on(self) -> None:
        if self._ended.is_set():
            return
        goes_on = True
        try:
            goes_on = self._beat()
        finally:  # also after a defect, which the timers report: a session without beats loses its job within minutes
            if goes_on and not self._ended.is_set():
                # Beats that an outage held up are not made up for.
                self._next_at = max(self._next_at + self._interval_s, time.monotonic())
                self._timer.arm(self._next_at)

    def _beat(self) -> bool:
        sent_at = rfc3339(time.time_ns())
        try:
            agents.heartbeat(self._client(), sent_at, wait=self._ended.wait, report=self._report_retry)
        except Cancelled:
            return False
        except (Unreachable, WireError) as problem:
            text = f"could not heartbeat: {problem}; trying again in {self._interval_s:g} s"
            self._report("warn", text, "heartbeat.failed")
            return True
        except AgentError as refusal:
            self._on_refusal(refusal)
            return False
        self._report("debug", f"Heartbeat sent at {sent_at}", "heartbeat.sent")
        self._on_beat()
        return True
