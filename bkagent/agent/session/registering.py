"""Register the workers of an agent, on threads that end with that.

It begins before the rest of the agent is loaded: what the registration takes is what this needs.
"""

from __future__ import annotations

import threading
import time
from collections import deque

from bkagent.agent.session.registration import registration
from bkagent.agent.session.session import AgentSession
from bkagent.agent.shutdown import GRACEFUL
from bkagent.errors import AgentError
from bkagent.remote.escaping import without_user
from bkagent.remote.worker import agents
from bkagent.transport.retry import constant
from bkagent.wire.log_events import with_event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List

    from bkagent.agent.settings import AgentSettings
    from bkagent.agent.shutdown import Shutdown
    from bkagent.remote.client import Client
    from bkagent.wire.log_events import EventReport
    from bkagent.wire.registration import Registered

_NEAR_COUNT = 2  # at the same time: a server nearby is not faster with more
_FAR_COUNT = 16  # where each answer takes long
_SLOW_S = 0.02  # without an answer: the server is far
_LEAVES_WITHIN_S = 5.0  # of an agent that ends, whether its control plane answers or not
_ONCE = constant(1, 0.0)


class Registering:
    """The registrations of all workers, which have begun.

    At the end of its `with`, those that `sessions` has not returned are disconnected: the agent did not get there.
    """

    def __init__(self, client: Client, settings: AgentSettings, stop: Shutdown, report: EventReport) -> None:
        self._client, self._stop, self._report = client, stop.part(), report
        self._report_retry = with_event(report, "control_plane.retry")
        first = registration(settings, 1)
        self._waiting = deque(
            (index, first._replace(name=settings.worker_name(index + 1), priority=settings.worker_priority(index + 1)))
            for index in range(settings.spawn)
        )
        self._lock = threading.Lock()
        self._sessions: Dict[int, AgentSession] = {}  # by the indices of the workers, until they are asked for
        self._has_left = False
        self._errors: List[Exception] = []
        self._threads: List[threading.Thread] = []
        self._add_threads(_NEAR_COUNT)

    def __enter__(self) -> Registering:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def wait(self, seconds: float) -> bool:
        """Wait until all are registered, or one of them has failed; return whether that is so within `seconds`.

        No thread of the registrations is left then.
        """
        end = time.monotonic() + seconds
        while True:
            working = next((thread for thread in self._threads if thread.is_alive()), None)
            if working is None:
                return True
            waiting_count, left_s = len(self._waiting), max(0.0, end - time.monotonic())
            may_grow = waiting_count and len(self._threads) < _FAR_COUNT
            working.join(min(left_s, _SLOW_S) if may_grow else left_s)
            if may_grow and len(self._waiting) == waiting_count:
                self._add_threads(_FAR_COUNT)
            if working.is_alive() and time.monotonic() >= end:
                return False

    def sessions(self) -> List[AgentSession]:
        """Wait for the sessions, and return them in the order of the workers' numbers.

        Raises the first error, once the others are disconnected: an agent with fewer workers than asked for would go
        unnoticed. Cancelled after a stop.
        """
        self.wait(threading.TIMEOUT_MAX)
        if self._errors:
            self.leave()
            raise self._errors[0]
        sessions, self._sessions = self._sessions, {}
        return [sessions[index] for index in sorted(sessions)]

    def leave(self) -> None:
        """Disconnect those that are registered, and those whose answers are still to come. One try each."""
        with self._lock:
            self._has_left = True
            sessions, self._sessions = self._sessions, {}
        self._stop.request(GRACEFUL)  # no registration is tried again
        threads = [
            threading.Thread(target=self._disconnect, args=(session,), name="leaving", daemon=True)
            for session in sessions.values()
        ]
        for thread in threads:
            thread.start()
        end = time.monotonic() + _LEAVES_WITHIN_S
        for thread in [*threads, *self._threads]:
            thread.join(max(0.0, end - time.monotonic()))

    def _disconnect(self, session: AgentSession) -> None:
        try:
            agents.disconnect(session.home, wait=self._stop.waiter(GRACEFUL), report=self._report_retry, schedule=_ONCE)
        except AgentError:
            pass  # reported

    def _add_threads(self, most_count: int) -> None:
        """Have more threads register, up to `most_count`, and no more than there are workers left."""
        for _ in range(min(len(self._waiting), most_count - len(self._threads))):
            self._threads.append(threading.Thread(target=self._register_waiting, name="registering", daemon=True))
            self._threads[-1].start()

    def _register_waiting(self) -> None:
        while not self._errors and not self._has_left:
            try:
                index, own = self._waiting.popleft()
            except IndexError:
                return
            try:
                registered = agents.register(
                    self._client, own, wait=self._stop.waiter(GRACEFUL), report=self._report_retry
                )
                _report_settings(registered, self._report)
                self._take(index, AgentSession(self._client, registered, self._report))
            except Exception as error:  # raised by `sessions`, on the thread that waits for all of them
                self._errors.append(error)

    def _take(self, index: int, session: AgentSession) -> None:
        with self._lock:
            is_late = self._has_left
            if not is_late:
                self._sessions[index] = session
        if is_late:
            self._disconnect(session)


def _report_settings(registered: Registered, report: EventReport) -> None:
    """Report what the control plane asks of this agent."""
    if registered.asks_for_tracing:
        text = "the control plane asks for tracing, which is not supported yet"
        report("warn", text, "session.tracing_unsupported")
    report("debug", f"Ping interval: {registered.ping_interval_s:g}s", "session.setting")
    report("debug", f"Job status interval: {registered.job_status_interval_s:g}s", "session.setting")
    report("debug", f"Heartbeat interval: {registered.heartbeat_interval_s:g}s", "session.setting")
    if registered.endpoint:
        report("debug", f"Endpoint: {without_user(registered.endpoint)}", "session.setting")
    for name in sorted(registered.request_headers or {}):
        # Without its value, which may be a credential.
        report("debug", f"Server-specified request header: {name}", "session.setting")
