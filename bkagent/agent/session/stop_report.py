"""Tell the control plane, once, that a session takes no further job: it shows the agent as stopping while it drains."""

from __future__ import annotations

import threading

from bkagent.agent.shutdown import GRACEFUL, KILL
from bkagent.errors import AgentError
from bkagent.remote.client import Client
from bkagent.remote.worker import agents
from bkagent.transport.work_threads import WorkThreads
from bkagent.wire.log_events import EventReport


class StopReport:
    """One session's report. One of `threads` sends it, so that neither job nor signal waits for it.

    While all of them are busy a worker that is about to leave sends its own.
    """

    def __init__(self, client: Client, threads: WorkThreads, report: EventReport) -> None:
        self._client, self._threads, self._report = client, threads, report
        self._beginning = threading.Lock()  # a worker that leaves may be quicker than the threads
        self._is_due = self._has_begun = False
        self._ended = threading.Event()

    def on_stop(self, level: int) -> None:
        """Send it where a graceful stop begins; a forced one is over too soon to be shown."""
        if level != GRACEFUL:
            return
        self._is_due = True
        try:
            self._threads.put(self._send_once)
        except RuntimeError:
            pass  # the system has no further thread; `complete` sends it

    def complete(self, level: int) -> None:
        """Before the session ends, at this level of the stop: wait for it, as long as one request may take."""
        if level >= KILL or not (self._is_due or level == GRACEFUL):
            return
        self._send_once()
        self._ended.wait(agents.STOP_LIMIT_S)

    def _send_once(self) -> None:
        with self._beginning:
            if self._has_begun:
                return
            self._has_begun = True
        try:
            agents.report_stop(self._client)
        except AgentError as problem:
            text = f"could not report that this agent is stopping: {problem}"
            self._report("debug", text, "worker.stop_unreported")
        finally:
            self._ended.set()
