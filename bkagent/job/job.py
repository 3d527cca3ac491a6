"""The state that the phases of one job share."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Callable, List, Mapping, Optional, Tuple

from bkagent.config.options.job import JOB
from bkagent.config.variables.protected_variables import Protection
from bkagent.job.api.redactions import Redactions
from bkagent.job.hook_settings import HookSettings
from bkagent.job.job_settings import JobProcessSettings
from bkagent.job.leftovers import Leftovers
from bkagent.shell.log_lines import LogLines
from bkagent.shell.session import Session
from bkagent.system import variable_names

if TYPE_CHECKING:
    from bkagent.plugins.checkout import CheckedOut
    from bkagent.plugins.plugin import Plugin
    from bkagent.remote.client import Client


class RunningJob:
    """One job that runs.

    environ        its environment as it was at the start
    leftovers      its processes that still run at its end
    launchers      folder of the commands that it finds on its PATH, "" for none
    allowed_repositories   patterns of which the repository must match one; none: any may be checked out
    connect        returns the client of its control plane
    hooks_root     checkout whose own hooks count, "" before there is one
    plugins        what the step asks for, in order
    loaded         the plugins whose hooks run: first those that were cloned, then those of the repository
    temporary      folders to remove at the end
    """

    def __init__(
        self,
        settings: JobProcessSettings,
        environ: Mapping[str, str],
        session: Session,
        redactions: Redactions,
        connect: Callable[[], "Client"],
        leftovers: Leftovers,
        launchers: str = "",
        allowed_repositories: Tuple[str, ...] = (),
    ) -> None:
        self.settings, self.environ, self.session, self.redactions = settings, environ, session, redactions
        self.leftovers, self.launchers = leftovers, launchers
        self.allowed_repositories = allowed_repositories
        self.refreshed = HookSettings(environ, session.log.comment)
        self.protection: Protection = settings.protection
        self.hooks_root = ""
        self.plugins: List["Plugin"] = []
        self.loaded: List["CheckedOut"] = []
        self.temporary: List[str] = []
        self._connect = connect
        self._client: Optional["Client"] = None
        self._lock = threading.Lock()
        self._workdir = ""

    @property
    def log(self) -> LogLines:
        """The log of the job."""
        return self.session.log

    @property
    def client(self) -> "Client":
        """Its control plane; connected when first used."""
        if self._client is None:
            self._client = self._connect()
        return self._client

    @property
    def own_id(self) -> str:
        """The id under which it uploads and sends: as for a command of the job, what BUILDKITE_JOB_ID is now."""
        return self.get_env(JOB.env[0]) or self.settings.job_id

    def set_env(self, name: str, value: str) -> None:
        """Set a variable of the job."""
        with self.session.lock:
            self.session.env[variable_names.kept(name)] = value

    def get_env(self, name: str) -> Optional[str]:
        """Return a variable of the job, None where it is not set."""
        with self.session.lock:
            return self.session.env.get(variable_names.kept(name))

    def ask_for_workdir(self, path: str) -> None:
        """Remember where the job is to go after the hook that runs now."""
        with self._lock:
            self._workdir = path

    def take_workdir(self) -> str:
        """Return that folder once, "" when none was asked for."""
        with self._lock:
            path, self._workdir = self._workdir, ""
            return path
