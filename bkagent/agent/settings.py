"""The settings of an agent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping, Tuple

from bkagent.config.option import Option
from bkagent.config.options import agent
from bkagent.config.protected_variables import Protection
from bkagent.config.settings import Settings


@dataclass(frozen=True)
class JobSettings:
    """The settings of an agent's jobs: `settings[OPTION]`, and fields that are no options.

    options            of `start`, as they hold for jobs (`config.job_options`)
    launchers_path     folder of the commands that jobs call
    environ            what its process inherits: the agent's own environment without its configuration
    """

    options: Settings = field(repr=False)
    launchers_path: str
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __getitem__(self, option: Option) -> Any:
        return self.options[option]

    def protection(self) -> Protection:
        """Return what of a job's own variables is left out."""
        return Protection(self[agent.PROTECTED_VARIABLES], self[agent.PROTECT_GIT], not self[agent.NO_COMMAND_EVAL])


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
