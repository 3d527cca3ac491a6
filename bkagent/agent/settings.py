"""The settings of an agent. On the path of `start` to its registration."""

from __future__ import annotations

from bkagent.config.options import agent, logging, session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping, Optional, Tuple

    from bkagent.config.option import Option
    from bkagent.config.settings import Settings
    from bkagent.config.variables.protected_variables import Protection
    from bkagent.jose.jwk import Jwk


class JobSettings:
    """The settings of an agent's jobs: `settings[OPTION]`, and fields that are no options.

    options            of `start`, as they hold for jobs (`config.job_options`)
    launchers_path     folder of the commands that jobs call
    environ            what its process inherits: the agent's own environment without its configuration
    verification_keys  by which signatures of jobs are verified; None where they are not
    """

    __slots__ = ("options", "launchers_path", "environ", "verification_keys")

    def __init__(
        self,
        options: Settings,
        launchers_path: str,
        environ: Optional[Mapping[str, str]] = None,
        verification_keys: Optional[Tuple[Jwk, ...]] = None,
    ) -> None:
        self.options, self.launchers_path, self.environ = options, launchers_path, environ or {}
        self.verification_keys = verification_keys

    def __getitem__(self, option: Option) -> Any:
        return self.options[option]

    def protection(self) -> Protection:
        """Return what of a job's own variables is left out."""
        from bkagent.config.variables.protected_variables import Protection

        return Protection(self[agent.PROTECTED_VARIABLES], self[agent.PROTECT_GIT], not self[agent.NO_COMMAND_EVAL])


class AgentSettings:
    """One run of an agent: `settings[OPTION]`, and fields for what is computed or is no option.

    options     of `start`, as given
    job         what holds for its jobs
    token       registers it
    environ     says how to reach the control plane: proxies, certificates
    tags        each "key=value" or a bare word, the queue among them
    spawn       how many workers; each is an agent of its own to the control plane
    last_try_s  how long an immediate stop goes on delivering what it killed; 0 leaves it to the next start
    is_verbose  messages of level debug are shown
    """

    __slots__ = (
        "options", "job", "token", "state_path", "environ", "tags", "spawn", "last_try_s", "is_verbose",
    )  # fmt: skip

    def __init__(
        self,
        options: Settings,
        job: JobSettings,
        token: str,
        state_path: str,
        environ: Optional[Mapping[str, str]] = None,
        tags: Tuple[str, ...] = (),
        spawn: int = 1,
        last_try_s: float = 0.0,
        is_verbose: bool = False,
    ) -> None:
        self.options, self.job, self.token, self.state_path = options, job, token, state_path
        self.environ, self.tags, self.spawn = environ or {}, tags, spawn
        self.last_try_s, self.is_verbose = last_try_s, is_verbose

    def __getitem__(self, option: Option) -> Any:
        return self.options[option]

    def takes_part_in_agent_api(self) -> bool:
        """Say whether the agent stands for election as the leader of the agents of this machine, and serves as such."""
        return bool(self[session.AGENT_API]) or "agent-api" in self[logging.EXPERIMENT]

    def worker_name(self, index: int) -> str:
        """Return the name of worker number `index`, from 1; "" leaves it to the control plane."""
        return str(self[session.NAME]).replace("%spawn", str(index))

    def worker_priority(self, index: int) -> str:
        """Return the priority of worker number `index`, from 1."""
        if not self[session.SPAWN_WITH_PRIORITY]:
            return str(self[session.PRIORITY])
        return str(-index if "descending-spawn-priority" in self[logging.EXPERIMENT] else index)
