"""End a running job before its time: first by asking, then by force."""

from __future__ import annotations

import threading
import time
from typing import Callable, Optional

from bkagent.spool.agent_entry import AgentEntry
from bkagent.system import process_group
from bkagent.wire.log_events import EventReport

# SIGKILL would keep the job process from cleaning up, so it gets SIGTERM; the command still gets the configured signal
# from it.
_KILL, _ASK_WITH = "SIGKILL", "SIGTERM"
_START_POLL_S = 0.02


class JobCanceller:
    """Cancels the job of one spool entry. Thread-safe; only the first cancellation acts.

    The job process gets the cancel signal and ends its command; when the cancel grace is over, it is killed with all
    that it started.
    """

    def __init__(self, entry: AgentEntry, report: EventReport) -> None:
        self._entry, self._report = entry, report
        self._lock = threading.Lock()
        self._killing: Optional[threading.Timer] = None
        self.killed = False

    def cancel(self, reason: str, before: Callable[[], None] = lambda: None) -> None:
        """Ask the job to end, once. `reason` is CANCEL or AGENT_STOP; the latter replaces the former at any time.

        `before` is done first, where this is the cancellation that acts.
        """
        with self._lock:
            if self._entry.process.ended():
                return  # by itself: nothing to cancel
            self._entry.request_cancel(reason)
            if self._killing is not None:
                return
            before()
            self._killing = threading.Timer(self._entry.job.cancel_grace_s, self.kill)
            self._killing.daemon = True
        try:
            is_asked = self._ask()  # before any thread is started, which takes longer than all of it
        finally:
            self._killing.start()
        if not is_asked:
            threading.Thread(target=self._ask_at_start, name="cancel", daemon=True).start()

    def _ask(self) -> bool:
        """Signal the job process; return whether it was there to be signalled."""
        pid = self._entry.process.pid()
        if pid is None:
            return False
        name = self._entry.job.cancel_signal
        sent = _ASK_WITH if name == _KILL else name
        text = f"Sending signal {sent} to the process of job {self._entry.job_id}, PID: {pid}"
        self._report("debug", text, "job.signalled")
        process_group.ask_to_end(pid, sent)
        return True

    def _ask_at_start(self) -> None:
        """Signal the job process as soon as it is there, in its first moments."""
        while not self._entry.process.ended() and not self._ask():
            time.sleep(_START_POLL_S)

    def kill(self) -> None:
        """End the job's processes without asking any more."""
        pid = self._entry.process.pid()
        if pid is not None:
            text = f"job {self._entry.job_id} did not end within its grace period and is killed"
            self._report("warn", text, "job.killed")
            self.killed = True
            process_group.kill(pid)

    def close(self) -> None:
        """Forget the timer; the job is over."""
        if self._killing is not None:
            self._killing.cancel()
