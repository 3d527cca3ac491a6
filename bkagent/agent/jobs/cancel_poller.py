"""Ask the control plane, while a job runs, whether it should go on."""

from __future__ import annotations

import random
import time
from typing import Callable

from bkagent.agent.jobs.job_canceller import JobCanceller
from bkagent.errors import AgentError, Refused, Unreachable
from bkagent.remote.client import Client
from bkagent.remote.worker import jobs
from bkagent.spool.shared_files import CANCEL
from bkagent.transport.timers import Timers
from bkagent.wire.log_events import EventReport

CANCELLED, OUT_OF_TIME = ("canceling", "canceled"), ("timing_out", "timed_out")
_TOKEN_IS_INVALID = 401


class CancelPoller:
    """Asks until `stop()`: first at a random moment of the interval, then once each. Between these it has no thread.

    on_recovery  called when an answer comes again after none had come
    """

    def __init__(
        self,
        client: Client,
        job_id: str,
        interval_s: float,
        cancelling: JobCanceller,
        timers: Timers,
        *,
        mark_timed_out: Callable[[], None],
        on_recovery: Callable[[], None],
        report: EventReport,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._client, self._job_id, self._interval_s = client, job_id, interval_s
        self._cancelling, self._mark_timed_out, self._on_recovery = cancelling, mark_timed_out, on_recovery
        self._report, self._chance = report, chance
        self._timer = timers.timer("job-state", self._look)
        self._has_ended = self._was_unreachable = False

    def start(self) -> None:
        """Begin."""
        self._timer.arm(time.monotonic() + self._interval_s * self._chance())

    def stop(self) -> None:
        """End; an answer that is on its way is not waited for."""
        self._has_ended = True
        self._timer.disarm()

    def _look(self) -> None:
        if self._has_ended:
            return
        is_to_end = False
        try:
            is_to_end = self._is_to_end()
        finally:  # also after a defect, which the timers report: a job must stay within reach of a cancellation
            if not is_to_end and not self._has_ended:
                self._timer.arm(time.monotonic() + self._interval_s)

    def _is_to_end(self) -> bool:
        """Ask once, and cancel the job if the answer says so. Answers that say nothing are ignored."""
        try:
            state = jobs.state(self._client, self._job_id)
        except Refused as refusal:
            if refusal.status != _TOKEN_IS_INVALID:
                return False
            text = f"job {self._job_id} is cancelled: its access token is no longer valid"
            self._report("warn", text, "job.token_invalid")
            self._cancelling.cancel(CANCEL)
            return True
        except AgentError as problem:
            self._report("debug", f"could not get the state of job {self._job_id}: {problem}", "job.state_unknown")
            self._was_unreachable = self._was_unreachable or isinstance(problem, Unreachable)
            return False
        if self._was_unreachable:
            self._was_unreachable = False
            self._on_recovery()
        if state in OUT_OF_TIME:
            self._report("info", f"job {self._job_id} timed out and is cancelled", "job.timed_out")
            self._cancelling.cancel(CANCEL, before=self._mark_timed_out)
        elif state in CANCELLED:
            self._report("info", f"job {self._job_id} is cancelled", "job.cancelled")
            self._cancelling.cancel(CANCEL)
        return state in OUT_OF_TIME or state in CANCELLED
