"""What all jobs of an agent share."""

from __future__ import annotations

from typing import Optional

from bkagent.agent.output.stdout_follower import OpenOutput
from bkagent.agent.settings import AgentSettings
from bkagent.agent.shutdown import Shutdown
from bkagent.logs.upload.shared_backoff import SharedBackoffs
from bkagent.redaction.known import KnownSecrets
from bkagent.transport.timers import Timers
from bkagent.transport.work_threads import WorkThreads
from bkagent.warm.job_forks import JobForks
from bkagent.wire.log_events import EventReport

_STOP_REPORTS_COUNT = 8


class AgentContext:
    """The context that all jobs of an agent share: its settings, its spool, its shutdown, its log, its warm process.

    `open_output` is there where the output of jobs is to be shown. `backoffs` are shared by all jobs of the process, as
    is what is `known` to be secret and kept out of its messages. `stop_reports` tell the control plane of a stop.
    """

    def __init__(
        self,
        settings: AgentSettings,
        spool_path: str,
        stop: Shutdown,
        report: EventReport,
        warm: Optional[JobForks] = None,
        open_output: Optional[OpenOutput] = None,
        known: Optional[KnownSecrets] = None,
    ) -> None:
        self.settings, self.spool_path, self.stop, self.report = settings, spool_path, stop, report
        self.warm, self.open_output, self.known = warm, open_output, known or KnownSecrets()
        self.backoffs, self.timers = SharedBackoffs(), Timers()
        self.stop_reports = WorkThreads(_STOP_REPORTS_COUNT, kept_count=0)

    def of_worker(self, stop: Shutdown, report: EventReport) -> "AgentContext":
        """Return the context of one worker, with which it shares all but its own shutdown and its own log."""
        context = AgentContext(self.settings, self.spool_path, stop, report, self.warm, self.open_output, self.known)
        context.backoffs, context.timers, context.stop_reports = self.backoffs, self.timers, self.stop_reports
        return context
