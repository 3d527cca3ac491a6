"""Run one job that was accepted: from its spool entry to the end that the control plane has taken.

    accepted -> entry in the spool -> start call, and meanwhile `JobPreparation` -> process begins -> `JobDelivery`

A job that was left in the spool by an agent before goes on from where its entry stands.
"""

from __future__ import annotations

import threading
import time
from typing import Callable, Optional

from bkagent.agent.jobs import outcome, resume, unrunnable
from bkagent.agent.jobs.agent_context import AgentContext
from bkagent.agent.jobs.job_delivery import JobDelivery, last_words, settle_unrunnable
from bkagent.agent.jobs.job_files import JobFiles
from bkagent.agent.jobs.job_preparation import JobPreparation
from bkagent.agent.jobs.job_start_call import JobStartCall
from bkagent.agent.output import log_copy_paths
from bkagent.agent.session.session import AgentSession
from bkagent.agent.shutdown import FORCED
from bkagent.config.compat import Compat
from bkagent.config.options import agent, job_logs, logging
from bkagent.config.options import session as session_options
from bkagent.errors import AgentError
from bkagent.job import launch
from bkagent.spool import directory
from bkagent.spool.agent_entry import AgentEntry
from bkagent.spool.custody import session_file
from bkagent.spool.custody.session_file import SessionFile
from bkagent.spool.manifest import JobManifest
from bkagent.system import host, process_group, variable_names
from bkagent.wire.accepted_job import AcceptedJob
from bkagent.wire.finish import Finish
from bkagent.wire.log_events import EventReport, with_event
from bkagent.wire.timestamps import rfc3339

_KILLED_WITHIN_S = 10.0


class JobRunner:
    """One accepted job of a session. `not_run` is the finish reported when no entry could be made."""

    def __init__(self, job: AcceptedJob, session: AgentSession, context: AgentContext) -> None:
        # Under the names that a process gets them by, so that whatever is checked is what the job has.
        self._job = job._replace(env=variable_names.kept_names(job.env))
        self._clashing_names = variable_names.clashing(job.env)
        self._session, self._context = session, context
        self._client = session.client.with_token(job.token or session.token)
        self._report_retry = with_event(context.report, "control_plane.retry")
        self._started_at = rfc3339(time.time_ns())
        self.entry: Optional[AgentEntry] = None
        self.not_run: Optional[Finish] = None
        # Set when the job's process is gone, a little later than the job has ended.
        self.process_gone: Optional[threading.Event] = None

    def run(self, on_entry: Callable[[AgentEntry], None]) -> Optional[Finish]:
        """Return how the job ended, None when a stop came first. `on_entry` gets the entry as soon as it exists.

        Raises AgentError when the job could not be started as far as the control plane is concerned; it will
        hear nothing more of it from us then, but for `not_run`: that it was told already.
        """
        job = self._manifest()
        job_session = session_file.of_job(job, self._session.client.endpoint, self._session.token)
        try:
            earlier = self._claim_earlier_entry(job, job_session)
            self.entry = entry = earlier or directory.create(self._context.spool_path, job, job_session)
        except (AgentError, OSError) as problem:
            self.not_run = unrunnable.report_unrunnable(
                self._client, self._job.id, str(problem), wait=self._context.stop.waiter(FORCED),
                report=self._report_retry, leaves=job.disconnect_after_job,
            )  # fmt: skip
            raise
        on_entry(entry)
        files = JobFiles(self._context.settings.job[agent.JOB_CONTEXT_PATH] or entry.folder, self._job.id)
        preparation = JobPreparation(
            self._job, self._clashing_names, self._client, self._session.token, self._context, entry, files
        )
        try:
            self._tell_start(preparation, is_new=not earlier)
        except AgentError:
            if earlier:
                entry.release()
            else:
                entry.remove()
            raise
        if self._context.settings.job[job_logs.FOLDER]:
            # On the side: there may be many, and the job does not wait for it.
            old = (self._context.settings.job,)
            threading.Thread(target=log_copy_paths.remove_old, args=old, name="old-copies", daemon=True).start()
        delivery = JobDelivery(
            entry, self._client, files, self._context.stop, self._context.report, self._context.settings.last_try_s,
            self._context.open_output, self._context.backoffs.of(self._client.endpoint),
            timers=self._context.timers,
        )  # fmt: skip
        try:
            if earlier:
                self._resume(entry, preparation)
            else:
                self._begin(entry, preparation, delivery)
        except (AgentError, OSError):
            # A full disk, say: what is there stays for the next look at the spool.
            entry.release()
            raise
        return delivery.run()

    def _tell_start(self, preparation: JobPreparation, *, is_new: bool) -> None:
        """Tell the control plane that the job starts; prepare it meanwhile if it is new. Raises AgentError."""
        stopped = self._context.stop.waiter(FORCED)
        call = JobStartCall(self._client, self._job.id, self._started_at, stopped, self._report_retry)
        is_taken = False
        try:
            call.begin()
            if is_new:
                preparation.prepare()
            call.finish()
            is_taken = True
        finally:
            call.abandon()
            if not is_taken:
                preparation.abandon()

    def _claim_earlier_entry(self, job: JobManifest, job_session: SessionFile) -> Optional[AgentEntry]:
        context = self._context
        return resume.claim_earlier_entry(
            context.spool_path, job, job_session, self._job.token, context.report, context.stop.waiter(FORCED)
        )

    def _begin(self, entry: AgentEntry, preparation: JobPreparation, delivery: JobDelivery) -> None:
        """Let the job's process begin, or write down why it cannot."""
        child = preparation.finish()
        if child is None:
            return
        gone = self.process_gone = delivery.process_gone = threading.Event()

        def reap() -> None:
            try:
                _reap(child, entry, delivery, self._context.report)
            finally:
                gone.set()

        self._context.timers.call_now("reaper", reap)

    def _resume(self, entry: AgentEntry, preparation: JobPreparation) -> None:
        """Go on with a job that began before, if it may still run here."""
        refusal = preparation.refusal_to_resume()
        if refusal is None:
            self._context.report("info", f"resuming job {self._job.id} of an earlier agent", "job.resumed")
            return
        text = f"job {self._job.id} of an earlier agent may not run here and is ended: {refusal.reason}"
        self._context.report("error", text, "job.resume_refused")
        pid = entry.process.pid()
        if pid is not None:
            process_group.kill(pid)
            entry.process.wait_for_end(_KILLED_WITHIN_S)
        preparation.append_refusal(refusal)
        entry.settle(outcome.refused(refusal.reason, rfc3339(time.time_ns())), overrule=True)

    def _manifest(self) -> JobManifest:
        settings, session = self._context.settings.job, self._session
        return JobManifest(
            job_id=self._job.id, endpoint=self._client.endpoint, token=self._client.token, agent_id=session.id,
            agent_name=session.name, heartbeat_interval_s=session.heartbeat_interval_s,
            lost_after_s=session.lost_after_s, job_status_interval_s=session.job_status_interval_s,
            request_headers=dict(self._client.request_headers), chunk_max_bytes=self._job.chunks_max_size_bytes,
            chunk_interval_s=self._job.chunks_interval_s, log_max_bytes=self._job.log_max_size_bytes,
            ansi_timestamps=not settings[agent.NO_ANSI_TIMESTAMPS], timestamp_lines=settings[agent.TIMESTAMP_LINES],
            pty=not settings[agent.NO_PTY],
            pty_raw="pty-raw" in settings[logging.EXPERIMENT], cancel_grace_s=settings[agent.CANCEL_GRACE_PERIOD],
            signal_grace_s=settings[agent.SIGNAL_GRACE_PERIOD], cancel_signal=settings[agent.CANCEL_SIGNAL],
            overrides_zero_exit=Compat(
                settings[agent.COMPAT], frozenset(settings[logging.EXPERIMENT])
            ).overrides_zero_exit,
            disconnect_after_job=self._context.settings[session_options.DISCONNECT_AFTER_JOB],
            leftovers=settings[agent.LEFTOVERS], bootstrap_script=settings[agent.BOOTSTRAP_SCRIPT],
            started_at=self._started_at,
            sockets_path=settings[agent.SOCKETS_PATH], allowed_repositories=tuple(settings[agent.ALLOWED_REPOSITORIES]),
            user_agent=host.user_agent(),
            log_tmpfile=log_copy_paths.tmpfile_path(settings),
            log_copy=log_copy_paths.copy_path(settings, self._job),
            log_fields=log_copy_paths.fields(self._job) if settings[job_logs.TO_STDOUT] else {},
        )  # fmt: skip


def _reap(child: launch.Child, entry: AgentEntry, delivery: JobDelivery, report: EventReport) -> None:
    """Wait for the process so that no zombie stays, then wake its delivery; the job's end is read from the entry.

    A process that ended before it took the entry left no sign there, so that is written down here.
    """
    ended = child.wait()
    status, signal = ended.exit_code, ended.signal or "nil"
    text = f"Process with PID: {child.pid} finished with Exit Status: {status}, Signal: {signal}"
    report("debug", text, "job.process_ended")
    # In this order: an entry that has been removed says "not started" too, but only when its job is over.
    if delivery.over:
        return
    if entry.process.started():
        entry.process.sleep_until_end()  # its end is not known where the process is gone that it was forked from
        try:
            entry.ring()
        except OSError:
            pass  # the entry is gone already
        return
    stderr = last_words(entry)
    text = f"the process of job {entry.job_id} could not begin{': ' + stderr if stderr else ''}"
    report("error", text, "job.process_failed")
    settle_unrunnable(entry, outcome.lost(rfc3339(time.time_ns())))
