"""Tell the control plane, once, that a session takes no further job: it shows the agent as stopping while it drains."""

from __future__ import annotations

import threading
from typing import Optional

from bkagent.agent.shutdown import GRACEFUL, KILL
from bkagent.errors import AgentError
from bkagent.remote import agents
from bkagent.remote.client import Client
from bkagent.wire.log_events import EventReport


class StopReport:
    """One session's report. It is sent from a thread of its own, so that neither job nor signal waits for it."""

    def __init__(self, client: Client, report: EventReport) -> None:
        self._client, self._report = client, report
        self._thread: Optional[threading.Thread] = None
        self._beginning = threading.Lock()  # a worker that leaves may be quicker than who tells it of the stop

    def on_stop(self, level: int) -> None:
        """Send it where a graceful stop begins; a forced one is over too soon to be shown."""
        if level != GRACEFUL:
            return
        with self._beginning:
            if self._thread is None:
                self._thread = threading.Thread(target=self._send, name="stop-report", daemon=True)
                self._thread.start()

    def complete(self, level: int) -> None:
        """Before the session ends, at this level of the stop: wait for it, as long as one request may take."""
        self.on_stop(level)
        if self._thread is not None and level < KILL:
            self._thread.join(agents.STOP_LIMIT_S)

    def _send(self) -> None:
        try:
            agents.report_stop(self._client)
        except AgentError as problem:
            text = f"could not report that this agent is stopping: {problem}"
            self._report("debug", text, "worker.stop_unreported")
