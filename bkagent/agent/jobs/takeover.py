"""Take over the jobs that an agent which is gone has left in the spool.

Each is seen through with what its agent wrote down beside the spool: its own endpoint, its own tokens; the credentials
of this agent go nowhere. The session that took it is kept alive until the job's finish, since the control plane would
hand the job out again otherwise; then it is disconnected, which its own agent could not do any more.

What no agent has made counts for nothing: it is moved to `kept`, and named.
"""

from __future__ import annotations

import os
import threading
import time
from typing import List, Optional, Set, Tuple

from bkagent.agent.jobs import outcome
from bkagent.agent.jobs.agent_context import AgentContext
from bkagent.agent.jobs.job_delivery import JobDelivery, settle_unrunnable
from bkagent.agent.jobs.job_files import JobFiles
from bkagent.agent.session.heartbeat import Heartbeat
from bkagent.agent.session.registration import request_log_of
from bkagent.agent.shutdown import KILL
from bkagent.config.options import agent
from bkagent.errors import AgentError
from bkagent.remote.client import Client
from bkagent.remote.worker import agents
from bkagent.spool import directory
from bkagent.spool.agent_entry import AgentEntry
from bkagent.spool.custody import handing_over, keeping, provenance
from bkagent.spool.custody.session_file import SessionFile
from bkagent.spool.shared_files import AGENT_STOP
from bkagent.system import file_lock, host
from bkagent.transport.retry import Schedule
from bkagent.wire.log_events import with_event
from bkagent.wire.timestamps import rfc3339

_POSTED_WITHIN_S = 5.0
_LOOK_S = 0.2


class Takeover:
    """Looks for entries without an owner; each one found is tended on a thread of its own."""

    def __init__(self, context: AgentContext) -> None:
        self._context = context
        self._threads: List[Tuple[threading.Thread, AgentEntry]] = []
        self._unmovable: Set[str] = set()
        self._reported_running: Set[str] = set()
        self._unlockable: Set[str] = set()  # those that were reported at the last scan

    def scan(self, ended_only: bool = False) -> None:
        """Take entries without an owner; of jobs that still run, none where `ended_only`.

        One whose locks do not work now is reported, and looked at again by the next scan. Raises AgentError where the
        spool cannot be read.
        """
        self._threads = [(thread, entry) for thread, entry in self._threads if thread.is_alive()]
        for entry in directory.entries(self._context.spool_path):
            try:
                if entry.folder not in self._unmovable:
                    self._look_at(entry, ended_only)
                self._unlockable.discard(entry.folder)
            except OSError as problem:
                entry.release()
                self._report_unlockable(entry, problem)
        for path in directory.strangers(self._context.spool_path):
            if path not in self._unmovable:
                self._set_aside(AgentEntry(path), directory.STRANGE)

    def _look_at(self, entry: AgentEntry, ended_only: bool) -> None:
        """Take an entry, or set it aside, unless another agent has it. Raises OSError where its locks do not work."""
        fault = provenance.shape_fault(entry)
        if not fault and ((ended_only and entry.process.alive()) or not entry.try_own()):
            return
        try:
            fault = fault or _fault_of(entry)
            if not fault:
                self._take_over(entry, entry.session)
                return
        except (AgentError, OSError) as problem:
            fault = str(problem)
        self._set_aside(entry, fault)

    def _report_unlockable(self, entry: AgentEntry, problem: OSError) -> None:
        if entry.folder not in self._unlockable:
            self._unlockable.add(entry.folder)
            why = file_lock.why_unsupported(entry.folder, problem) or problem.strerror or str(problem)
            text = f"{entry.folder} in the spool cannot be taken over now, and is looked at again: {why}"
            self._context.report("error", text, "takeover.deferred")

    def wait(self, within_s: float = _POSTED_WITHIN_S) -> None:
        """Wait until the jobs that were taken over are done, or a stop has made their threads leave them.

        A job that has ended is waited for `within_s` only: its control plane may be gone for good, and what it has
        not taken stays on disk for the next start.
        """
        for thread, entry in self._threads:
            left_s = within_s
            while thread.is_alive() and left_s > 0:
                thread.join(_LOOK_S)
                if not _runs(entry):
                    left_s -= _LOOK_S

    def _take_over(self, entry: AgentEntry, session: Optional[SessionFile]) -> None:
        if session is None:
            raise AgentError("the session that took its job is gone")  # in this moment
        self._context.report("info", f"taking over job {entry.job_id} of an earlier agent", "takeover.started")
        arguments = (entry, session)
        thread = threading.Thread(target=self._tend, args=arguments, name=f"takeover-{entry.job_id}", daemon=True)
        self._threads.append((thread, entry))
        thread.start()

    def _tend(self, entry: AgentEntry, session: SessionFile) -> None:
        with self._context.known.temporarily() as hide:
            hide(session.token)
            hide(session.agent_token)
            self._deliver(entry, session)

    def _deliver(self, entry: AgentEntry, session: SessionFile) -> None:
        context, job = self._context, entry.job
        agent_client = Client(
            session.agent_endpoint or session.endpoint, session.agent_token, environ=context.settings.environ,
            user_agent=host.user_agent(), request_headers=session.request_headers,
            request_log=request_log_of(context.settings, context.report),
        )  # fmt: skip
        client = agent_client.with_endpoint(session.endpoint).with_token(session.token)
        files = JobFiles(context.settings.job[agent.JOB_CONTEXT_PATH] or entry.folder, job.job_id)
        delivery = JobDelivery(
            entry, client, files, context.stop, context.report, context.settings.last_try_s, context.open_output,
            context.backoffs.of(client.endpoint), timers=context.timers,
        )  # fmt: skip
        heartbeat = Heartbeat(
            lambda: agent_client, session.heartbeat_interval_s, context.timers, report=context.report, at_once=True,
            on_beat=lambda: _touch(entry), on_refusal=lambda refusal: self._session_over(delivery, refusal),
        )  # fmt: skip
        if session.agent_token:
            heartbeat.start()
        try:
            if not entry.process.started():
                # Its agent died before the process could begin; under the lock of `settle` it cannot begin any more.
                settle_unrunnable(entry, outcome.lost(rfc3339(time.time_ns())))
            finish = delivery.run()
            if finish is not None:
                text = f"Finished job {job.job_id} of an earlier agent with exit status {finish.exit_status}"
                context.report("info", text, "takeover.finished")
            if finish is not None and session.agent_token:
                heartbeat.stop()
                agents.disconnect(
                    agent_client,
                    wait=context.stop.waiter(KILL),
                    report=with_event(context.report, "control_plane.retry"),
                    schedule=Schedule(1, lambda failed: 0.0),
                )
        except (AgentError, OSError) as problem:
            text = f"could not deliver job {job.job_id} of an earlier agent: {problem}"
            context.report("warn", text, "takeover.failed")
        finally:
            heartbeat.stop()
            entry.release()

    def _session_over(self, delivery: JobDelivery, refusal: AgentError) -> None:
        text = f"the session of a job taken over has ended, so the job is cancelled: {refusal}"
        self._context.report("warn", text, "takeover.session_ended")
        delivery.canceller.cancel(AGENT_STOP)

    def _set_aside(self, entry: AgentEntry, why: str) -> None:
        """Move away what is damaged or no entry, but not under a job that still runs, which may mend it."""
        if not provenance.shape_fault(entry) and entry.process.alive():
            entry.release()
            if entry.folder not in self._reported_running:
                self._reported_running.add(entry.folder)
                text = f"job {entry.job_id} is not taken over yet: {why}; its process still runs"
                self._context.report("error", text, "takeover.deferred")
            return
        try:
            kept_path = keeping.keep_entry(entry, why)
            text = f"{entry.folder} in the spool is ignored: {why}; moved to {kept_path}"
            self._context.report("error", text, "spool.entry_kept")
        except (OSError, AgentError) as problem:
            self._unmovable.add(entry.folder)
            text = f"{entry.folder} in the spool is ignored: {why}; it cannot be moved: {problem}"
            self._context.report("error", text, "spool.entry_not_moved")


def _fault_of(entry: AgentEntry) -> str:
    """Return why an owned entry counts for nothing, "" where it counts. Raises OSError, AgentError."""
    handing_over.take_in_older(entry)
    return provenance.fault(entry)


def _runs(entry: AgentEntry) -> bool:
    try:
        return entry.process.alive()
    except OSError:
        return False  # not to be known, so it is not waited for


def _touch(entry: AgentEntry) -> None:
    if os.path.isdir(entry.folder):
        try:
            entry.heartbeat()
        except OSError:
            pass  # removed in this moment
