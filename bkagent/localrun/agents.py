"""The agents of a local run: threads of this process, each job a process of its own."""

from __future__ import annotations

import os
import threading
from typing import Optional

from bkagent.agent.begin import begin
from bkagent.agent.run import run
from bkagent.agent.settings import AgentSettings, JobSettings
from bkagent.agent.shutdown import Shutdown
from bkagent.config import job_options
from bkagent.config.options import agent, api, checkout, session
from bkagent.config.settings import defaults
from bkagent.errors import AgentError
from bkagent.localrun.options import RunRequest
from bkagent.warm.job_forks import JobForks
from bkagent.wire.log_events import EventReport

# A tag that suits every job: on one machine there is no other agent to wait for.
ANY_JOB = "*"
# Its control plane is in this process and answers within moments, unless the machine is busy.
_LAST_TRY_S = 5.0


def settings(request: RunRequest, data: str, endpoint: str, token: str, *, has_submodules: bool) -> AgentSettings:
    """Return the settings of the agents, all of whose files but the sockets are in the data folder.

    `has_submodules`: the jobs get snapshots of submodules from there, too.
    """
    options = defaults(agent.START)
    for option, value in (
        (api.ENDPOINT, endpoint),
        (session.NAME, "local-%spawn"),
        (session.PING_MODE, "poll-only"),
        (agent.BUILD_PATH, os.path.join(data, "builds")),
        (agent.SOCKETS_PATH, request.sockets_path),
        (agent.PLUGINS_PATH, os.path.join(data, "plugins")),
        (agent.SHELL, request.shell),
        (agent.LEFTOVERS, request.leftovers),
        # git clones submodules from folders only if it is told to.
        (checkout.GIT_SUBMODULE_CLONE_CONFIG, ["protocol.file.allow=always"] if has_submodules else []),
    ):
        options.put(option, value, "local run")
    job = JobSettings(job_options.complete(options, request.environ), request.launchers_path, request.environ)
    return AgentSettings(
        options, job, token, os.path.join(data, "state"), request.environ, tags=(ANY_JOB,),
        spawn=request.agents_count, last_try_s=_LAST_TRY_S,
    )  # fmt: skip


class Agents:
    """The agents, run by a thread; `error` is why they ended early, None if they did not."""

    def __init__(self, settings: AgentSettings, report: EventReport) -> None:
        self._settings, self._report = settings, report
        self.stop = Shutdown()
        self.error: "Optional[AgentError]" = None
        self._thread = threading.Thread(target=self._run, name="agents", daemon=True)

    def start(self) -> None:
        """Start the thread: the agents register and take jobs."""
        self._thread.start()

    @property
    def working(self) -> bool:
        """Whether the thread still runs."""
        return self._thread.is_alive()

    def leave(self, level: int, seconds: float) -> bool:
        """Request a level of `Shutdown`, wait for at most `seconds`; return whether the agents have ended."""
        self.stop.request(level)
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        warm = JobForks(self._settings.job.environ, self._report)
        warm.open()
        try:
            with begin(self._settings, self.stop, self._report) as registering:
                run(self._settings, registering, self.stop, self._report, warm)
        except AgentError as error:
            self.error = error
        finally:
            warm.close()
