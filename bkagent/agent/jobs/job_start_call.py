"""The start call of a job, which is under way while the job is prepared."""

from __future__ import annotations

from typing import Callable, Optional

from bkagent.remote.begun_call import BegunCall
from bkagent.remote.client import Client
from bkagent.remote.worker import jobs
from bkagent.wire.log_events import EventReport


class JobStartCall:
    """`begin`, then `finish`; `abandon` at the end in any case."""

    def __init__(
        self, client: Client, job_id: str, started_at: str, wait: Callable[[float], bool], report: EventReport
    ) -> None:  # fmt: skip
        self._client, self._job_id, self._started_at = client, job_id, started_at
        self._wait, self._report = wait, report
        self._begun: Optional[BegunCall] = None

    def begin(self) -> None:
        """Send it, and do not wait for the answer."""
        self._begun = jobs.begin_start(self._client, self._job_id, self._started_at)

    def finish(self) -> None:
        """Return when the start is taken. Raises AgentError."""
        jobs.start(
            self._client, self._job_id, self._started_at, wait=self._wait, report=self._report, begun=self._begun
        )  # fmt: skip

    def abandon(self) -> None:
        """Let go of an answer that was not waited for."""
        if self._begun is not None:
            self._begun.abandon()
