"""What an agent is told when it starts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Mapping, Tuple

from bkagent.agent.job_settings import JobSettings


@dataclass(frozen=True)
class AgentSettings:
    """One run of an agent.

    token            registers it
    environ          says how to reach the control plane: proxies, certificates
    name             "%spawn" in it becomes the worker's number; "" leaves the name to the control plane
    tags             each "key=value" or a bare word, the queue among them
    spawn            how many workers; each is an agent of its own to the control plane
    acquire_job      id of the one job to run, "" to poll for jobs
    idle_timeout_s   leave when no worker had work for so long; 0 for never
    uptime_s         take no job after so long; 0 for never
    last_try_s       how long an immediate stop goes on delivering what it killed; 0 leaves it to the next start
    report_features  tell the control plane what is in use
    debug            jobs have debug logs
    debug_http       what reports requests reports their headers, too
    is_verbose       messages of level debug are shown
    """

    endpoint: str
    token: str = field(repr=False)
    state_path: str
    job: JobSettings
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    name: str = ""
    priority: str = ""
    tags: Tuple[str, ...] = ()
    spawn: int = 1
    spawn_with_priority: bool = False
    descending_priority: bool = False
    acquire_job: str = ""
    reflect_exit_status: bool = False
    disconnect_after_job: bool = False
    idle_timeout_s: float = 0.0
    uptime_s: float = 0.0
    last_try_s: float = 0.0
    ping_mode: str = "auto"
    report_features: bool = True
    no_http2: bool = False
    debug: bool = False
    debug_http: bool = False
    is_verbose: bool = False

    def worker_name(self, index: int) -> str:
        """Return the name of worker number `index`, from 1."""
        return self.name.replace("%spawn", str(index))

    def worker_priority(self, index: int) -> str:
        """Return the priority of worker number `index`, from 1."""
        if not self.spawn_with_priority:
            return self.priority
        return str(-index if self.descending_priority else index)
