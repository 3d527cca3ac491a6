"""Deliver what agents have left in a spool, without being one."""

from __future__ import annotations

import os

from bkagent.agent.jobs.agent_context import AgentContext
from bkagent.agent.jobs.takeover import Takeover
from bkagent.agent.settings import AgentSettings
from bkagent.agent.shutdown import KILL, Shutdown
from bkagent.spool import layout, listing
from bkagent.wire.log_events import EventReport


def flush(settings: AgentSettings, stop: Shutdown, report: EventReport, within_s: float) -> int:
    """Deliver the logs and results of jobs that have ended; return how many are still there.

    Jobs that an agent sees to, and those that still run, are left alone and do not count. Raises AgentError.
    """
    context = AgentContext(settings, os.path.join(settings.state_path, layout.SPOOL), stop, report)
    takeover = Takeover(context)
    takeover.scan(ended_only=True)
    takeover.wait(within_s)
    stop.request(KILL)
    takeover.wait()
    remaining = [
        job for job in listing.list_jobs(settings.state_path) if job.state not in (listing.RUNNING, listing.KEPT)
    ]
    return sum(not job.owned for job in remaining)
