"""Deliver what agents have left in a spool, without being one."""

from __future__ import annotations

import os
from typing import Callable

from bkagent.agent.jobs.job_runner import Workplace
from bkagent.agent.jobs.takeover import Adoption
from bkagent.agent.settings import AgentSettings
from bkagent.agent.shutdown import NOW, Stop
from bkagent.spool import layout, listing


def flush(settings: AgentSettings, stop: Stop, report: Callable[[str, str], None], within_s: float) -> int:
    """Deliver the logs and results of jobs that have ended; return how many are still there.

    Jobs that an agent sees to, and those that still run, are left alone and do not count. Raises AgentError.
    """
    place = Workplace(settings, os.path.join(settings.state_path, layout.SPOOL), stop, report)
    adoption = Adoption(place)
    adoption.look(ended_only=True)
    adoption.wait(within_s)
    stop.request(NOW)
    adoption.wait()
    left = [one for one in listing.listing(settings.state_path) if one.state not in (listing.RUNNING, listing.KEPT)]
    return sum(not one.in_hand for one in left)
