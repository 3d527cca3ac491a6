"""Have a worker work whenever it has something to do; while it waits, no thread does."""

from __future__ import annotations

import threading
import time

from bkagent.agent.shutdown import Shutdown
from bkagent.agent.worker import Worker
from bkagent.errors import AgentError
from bkagent.report import report_defect
from bkagent.transport.timers import Timers
from bkagent.wire.log_events import EventReport


class WorkerLoop:
    """Sets `left` once the worker has left, or has failed. A request of `stop` ends its waits."""

    def __init__(self, worker: Worker, timers: Timers, stop: Shutdown, report: EventReport) -> None:
        self._worker, self._stop, self._report = worker, stop, report
        self._timer = timers.timer(f"worker-{worker.index}", self._work)
        self.left = threading.Event()

    def start(self) -> None:
        """Begin."""
        self._stop.on_request(lambda level: self._timer.hasten())
        self._timer.arm(time.monotonic())

    def _work(self) -> None:
        until_s = None
        try:
            until_s = self._worker.work()
        except Exception as defect:  # an edge: a defect in one worker ends that worker alone
            self._fail(defect)
        finally:  # also where the defect cannot be reported: the agent waits for this
            if until_s is None:
                self.left.set()
        if until_s is None:
            return
        self._timer.arm(until_s)
        if self._stop.level:  # it may have been requested before there was a wait to be ended
            self._timer.hasten()

    def _fail(self, defect: Exception) -> None:
        self._worker.mark_failed(AgentError(str(defect)))
        text = f"worker {self._worker.index} stopped because of an internal error"
        self._report("error", text, "worker.failed")
        report_defect(defect, self._timer.name)
