"""The control plane: hands jobs out, keeps what they do, decides what comes next. It speaks no protocol itself.

Everything is in one folder: `store.db`, `logs/`, `artifacts/`, `tokens/`. One process has it open at a time; within
that process any thread may call any service. Errors are those of `controlplane.errors`.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import ExitStack
from typing import Callable, Optional

from bkagent.controlplane import server_url
from bkagent.controlplane.api_tokens import ApiTokens
from bkagent.controlplane.errors import PlaneError
from bkagent.controlplane.plane.annotations import Annotations
from bkagent.controlplane.plane.artifacts import Artifacts
from bkagent.controlplane.plane.builds import Builds
from bkagent.controlplane.plane.callers import Callers
from bkagent.controlplane.plane.dispatching.dispatch import Dispatch
from bkagent.controlplane.plane.dispatching.idle_agents import IdleAgents
from bkagent.controlplane.plane.expiry import Expiry
from bkagent.controlplane.plane.job_envs import JobEnvs
from bkagent.controlplane.plane.jobs import Jobs
from bkagent.controlplane.plane.ledger import Ledger
from bkagent.controlplane.plane.logs import Logs
from bkagent.controlplane.plane.meta_data import MetaData
from bkagent.controlplane.plane.pipelines import Pipelines
from bkagent.controlplane.plane.queues import Queues
from bkagent.controlplane.plane.removal import Removal
from bkagent.controlplane.plane.runs import Runs
from bkagent.controlplane.plane.scheduler import Scheduler
from bkagent.controlplane.plane.sessions import Sessions
from bkagent.controlplane.plane.steps import Steps
from bkagent.controlplane.plane.timing import Timing
from bkagent.controlplane.plane.uploads import Refusals, Uploads
from bkagent.controlplane.store.database import Database
from bkagent.controlplane.store.schema import SCHEMA, UPGRADES
from bkagent.controlplane.tokens import AGENT, API, Tokens
from bkagent.errors import ConfigError
from bkagent.report import report_defect
from bkagent.system import file_lock, private_folder

TICK_S = 1.0

STORE_NAME = "store.db"


class Plane:
    """An open control plane: the services that it consists of. Make one with `Plane.open`, end it with `close`."""

    def __init__(
        self, folder: str, lock_descriptor: int, ledger: Ledger, tokens: Tokens, *, organization: str, timing: Timing,
        also_refused: Refusals,
    ) -> None:  # fmt: skip
        self.folder = folder
        self.organization = organization
        self.tokens = tokens
        self.api_tokens = ApiTokens(tokens)
        self.ledger = ledger
        self.feed = ledger.feed
        self.pipelines = Pipelines(ledger)
        self.steps = Steps(ledger)
        self.scheduler = Scheduler(ledger, self.steps)
        self.meta_data = MetaData(ledger)
        self.uploads = Uploads(ledger, self.pipelines, self.scheduler, organization, also_refused)
        self.builds = Builds(ledger, self.pipelines, self.uploads, self.scheduler, self.meta_data)
        self.jobs = Jobs(ledger, self.steps, self.scheduler, self.meta_data)
        self.job_envs = JobEnvs(ledger, self.pipelines, self.steps, organization)
        self.queues = Queues(ledger, self.steps)
        self.sessions = Sessions(ledger, self.builds, self.scheduler, tokens, timing)
        self.callers = Callers(ledger, tokens)
        idle = IdleAgents(timing.expected_s)
        self.dispatch = Dispatch(ledger, self.sessions, self.scheduler, self.steps, self.job_envs, tokens, timing, idle)
        self.runs = Runs(ledger, self.sessions, self.scheduler, self.jobs, self.steps, idle)
        self.expiry = Expiry(ledger, self.sessions, self.scheduler, self.runs, timing)
        self.logs = Logs(ledger, os.path.join(folder, "logs"))
        self.artifacts = Artifacts(ledger, os.path.join(folder, "artifacts"))
        self.annotations = Annotations(ledger)
        self.removal = Removal(ledger, self.pipelines, self.logs, self.artifacts)
        self._lock_descriptor: Optional[int] = lock_descriptor
        self._ticker = Ticker(self.expiry)

    @classmethod
    def open(
        cls,
        data_path: str,
        *,
        organization: str = "local",
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
        timing: Timing = Timing(),  # noqa: B008 - frozen
        also_refused: Refusals = lambda pipeline: [],
        ticking: bool = True,
        within: str = "",
    ) -> "Plane":
        """Open or make the data folder.

        clock          returns the time in Unix seconds
        steady         returns the seconds that measure silences and time limits, which nobody sets
        also_refused   returns a sentence for each thing in a pipeline to refuse besides what is not supported
        ticking        look once a second for what is over its time
        within         a folder above the data folder that is taken as it is, even where others can write to it

        Raises ConfigError if it is in use, cannot be written, or was made by a newer version.
        """
        folder = private_folder.make(data_path, within)
        descriptor = _lock(folder)
        with ExitStack() as undo:
            undo.callback(os.close, descriptor)
            server_url.forget(folder)  # left by a server that was killed
            for name in ("logs", "artifacts"):
                private_folder.make(os.path.join(folder, name), folder)
            tokens = Tokens(os.path.join(folder, "tokens"))
            ledger = Ledger(Database(os.path.join(folder, STORE_NAME), SCHEMA, UPGRADES), clock, steady)
            undo.pop_all()
        plane = cls(
            folder, descriptor, ledger, tokens, organization=organization, timing=timing, also_refused=also_refused
        )
        if ticking:
            plane._ticker.start()
        return plane

    @property
    def agent_token_path(self) -> str:
        """Return the file that holds the token with which agents register."""
        return self.tokens.path(AGENT)

    @property
    def api_token_path(self) -> str:
        """Return the file that holds the token of the REST API."""
        return self.tokens.path(API)

    def close(self) -> None:
        """Close everything; subscribers see their subscriptions closed. Closing twice does nothing."""
        if self._lock_descriptor is None:
            return
        descriptor, self._lock_descriptor = self._lock_descriptor, None
        self._ticker.stop()
        self.dispatch.close()
        self.feed.close()
        self.ledger.db.close()
        os.close(descriptor)


class Ticker:
    """A thread that looks once a second for what is over its time."""

    def __init__(self, expiry: Expiry) -> None:
        self._expiry = expiry
        self._stopping = threading.Event()
        self._thread: Optional[threading.Thread] = None

    def start(self) -> None:
        """Begin to tick."""
        self._thread = threading.Thread(target=self._run, name="control plane clock", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, if it was started."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(TICK_S):
            try:
                self._expiry.tick()
            except PlaneError:
                # A full disk, say: the next request reports it, and the next tick tries again.
                continue
            except Exception as defect:  # the edge of one tick: without the others no lost agent would be noticed
                report_defect(defect)


def _lock(folder: str) -> int:
    path = os.path.join(folder, server_url.LOCK)
    try:
        descriptor = file_lock.open_lock(path)
    except OSError as error:
        raise ConfigError(f"cannot open {path}: {error.strerror}") from error
    try:
        is_ours = file_lock.lock_soon(descriptor)
    except OSError as error:
        os.close(descriptor)
        reason = file_lock.why_unsupported(path, error)
        raise ConfigError(f"{reason} with --data" if reason else f"cannot lock {path}: {error.strerror}") from error
    if not is_ours:
        os.close(descriptor)
        raise ConfigError(
            f"the data folder {folder} is in use by another control plane; end it or choose another folder"
        )
    return descriptor
