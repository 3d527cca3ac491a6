"""Run one job that was accepted: from its spool entry to the end that the control plane has taken.

    accepted -> entry in the spool -> start call -> files and environment -> process -> `JobDelivery`

A job that was left in the spool by an agent before goes on from where its entry stands.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Callable, Optional, Tuple

from bkagent.agent.jobs import job_environment, job_verification, outcome, resume, unrunnable
from bkagent.agent.jobs.admission import (
    REJECTED_BY_HOOK,
    Refusal,
    notices_for,
    permitted_mirror,
    refusal_for,
    refusal_for_names,
)
from bkagent.agent.jobs.job_delivery import JobDelivery, last_words, settle_unrunnable
from bkagent.agent.jobs.job_files import JobFiles
from bkagent.agent.jobs.job_start import JobStart
from bkagent.agent.jobs.job_verification import JobVerification
from bkagent.agent.output import log_copy_paths
from bkagent.agent.output.stdout_follower import OpenOutput
from bkagent.agent.session.session import AgentSession
from bkagent.agent.session.timers import Timers
from bkagent.agent.settings import AgentSettings, JobSettings
from bkagent.agent.shutdown import FORCED, Shutdown
from bkagent.config.compat import Compat
from bkagent.config.launching import in_use_locks, self_command
from bkagent.config.options import agent, job_logs, logging
from bkagent.config.options import session as session_options
from bkagent.config.options.job import REDACTED_VARS
from bkagent.errors import AgentError
from bkagent.job import launch
from bkagent.logs import local_copies
from bkagent.logs.stampers import AnsiStamper
from bkagent.logs.upload.shared_backoff import SharedBackoffs
from bkagent.redaction.known import KnownSecrets
from bkagent.redaction.variables import SecretValues
from bkagent.remote.worker import jobs
from bkagent.spool import directory
from bkagent.spool.agent_entry import AgentEntry
from bkagent.spool.custody import session_file
from bkagent.spool.custody.session_file import SessionFile
from bkagent.spool.manifest import JobManifest
from bkagent.system import host, process_group, variable_names
from bkagent.transport.work_threads import WorkThreads
from bkagent.warm.job_forks import JobForks
from bkagent.wire import shown_text
from bkagent.wire.accepted_job import AcceptedJob
from bkagent.wire.finish import RUN_ERROR, Finish
from bkagent.wire.log_events import EventReport, with_event
from bkagent.wire.timestamps import rfc3339

_KILLED_WITHIN_S = 10.0
_STOP_REPORTS_COUNT = 8


class AgentContext:
    """The context that all jobs of an agent share: its settings, its spool, its shutdown, its log, its warm process.

    `open_output` is there where the output of jobs is to be shown. `backoffs` are shared by all jobs of the process, as
    is what is `known` to be secret and kept out of its messages. `stop_reports` tell the control plane of a stop.
    """

    def __init__(
        self,
        settings: AgentSettings,
        spool_path: str,
        stop: Shutdown,
        report: EventReport,
        warm: Optional[JobForks] = None,
        open_output: Optional[OpenOutput] = None,
        known: Optional[KnownSecrets] = None,
    ) -> None:
        self.settings, self.spool_path, self.stop, self.report = settings, spool_path, stop, report
        self.warm, self.open_output, self.known = warm, open_output, known or KnownSecrets()
        self.backoffs, self.timers = SharedBackoffs(), Timers()
        self.stop_reports = WorkThreads(_STOP_REPORTS_COUNT, kept_count=0)

    def of_worker(self, stop: Shutdown, report: EventReport) -> "AgentContext":
        """Return the context of one worker, with which it shares all but its own shutdown and its own log."""
        context = AgentContext(self.settings, self.spool_path, stop, report, self.warm, self.open_output, self.known)
        context.backoffs, context.timers, context.stop_reports = self.backoffs, self.timers, self.stop_reports
        return context


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
        try:
            jobs.start(
                self._client, self._job.id, self._started_at, wait=self._context.stop.waiter(FORCED),
                report=self._report_retry,
            )  # fmt: skip
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
        )  # fmt: skip
        try:
            if earlier:
                self._resume(entry, files)
            else:
                self._begin(entry, files, delivery)
        except (AgentError, OSError):
            # A full disk, say: what is there stays for the next look at the spool.
            entry.release()
            raise
        return delivery.run()

    def _claim_earlier_entry(self, job: JobManifest, job_session: SessionFile) -> Optional[AgentEntry]:
        context = self._context
        return resume.claim_earlier_entry(
            context.spool_path, job, job_session, self._job.token, context.report, context.stop.waiter(FORCED)
        )

    def _begin(self, entry: AgentEntry, files: JobFiles, delivery: JobDelivery) -> None:
        """Start the job's process, or write down why it cannot start."""
        child = None
        try:
            start, about_mirror = self._describe_job(files, entry)
            verification = self._verify(start.settings)
            self._append_lines(entry, notices_for(self._job, verification))
            refusal = self._admission_refusal(start.settings, verification)
            if refusal is None:
                self._append_lines(entry, about_mirror)
                refusal = self._ask_pre_bootstrap(start)
            if refusal is None:
                child = self._launch(entry, start)
        except (OSError, ValueError, AgentError) as problem:
            self._context.report("error", f"job {self._job.id} cannot be run: {problem}", "job.run_failed")
            refusal = Refusal((f"Error running job: {problem}",), RUN_ERROR)
        if refusal is not None or child is None:
            self._refuse(entry, refusal or Refusal((), RUN_ERROR))
            return
        arguments = (child, entry, delivery, self._context.report)
        delivery.reaper = threading.Thread(target=_reap, args=arguments, name="reaper", daemon=True)
        delivery.reaper.start()

    def _resume(self, entry: AgentEntry, files: JobFiles) -> None:
        """Go on with a job that began before, if it may still run here: what it brought is checked as at a start."""
        try:
            start, _ = self._describe_job(files, entry)
            verification = self._verify(start.settings)
            refusal = self._admission_refusal(start.settings, verification) or self._ask_pre_bootstrap(start)
        except ValueError as problem:
            refusal = Refusal((f"Error running job: {problem}",), RUN_ERROR)
        if refusal is None:
            self._context.report("info", f"resuming job {self._job.id} of an earlier agent", "job.resumed")
            return
        text = f"job {self._job.id} of an earlier agent may not run here and is ended: {refusal.reason}"
        self._context.report("error", text, "job.resume_refused")
        pid = entry.process.pid()
        if pid is not None:
            process_group.kill(pid)
            entry.process.wait_for_end(_KILLED_WITHIN_S)
        self._append_lines(entry, refusal.lines)
        entry.settle(outcome.refused(refusal.reason, rfc3339(time.time_ns())), overrule=True)

    def _describe_job(self, files: JobFiles, entry: AgentEntry) -> Tuple[JobStart, Tuple[str, ...]]:
        """Write the files that describe the job; return what is known of it, and lines about its mirror."""
        settings = self._context.settings.job
        self._job, about_mirror = permitted_mirror(self._job, settings)
        names_agents = "propagate-agent-config-vars" in settings[logging.EXPERIMENT] or settings[agent.COMPAT] == "4"
        own, _ = job_environment.received(self._job.env, settings.protection())
        agent_names = job_environment.names_in_env_file(settings) if names_agents else ()
        files.write(own, agent_names)
        for form, path in (("shell", files.env_path), ("JSON", files.env_json_path)):
            self._context.report("debug", f"Created env file ({form} format): {path}", "job.env_files_created")
        return self._job_start(files, entry), about_mirror

    def _verify(self, settings: JobSettings) -> JobVerification:
        verification = job_verification.verify(self._job, settings, self._context.report)
        if verification.problem:
            does = "is refused" if verification.is_refused else "runs unverified"
            text = f"job {self._job.id} {does}: {verification.problem}"
            self._context.report("warn", text, "job.unverified")
        return verification

    def _admission_refusal(self, settings: JobSettings, verification: JobVerification) -> Optional[Refusal]:
        names = refusal_for_names(self._clashing_names)
        return names or refusal_for(self._job, settings, verification)

    def _ask_pre_bootstrap(self, start: JobStart) -> Optional[Refusal]:
        """Return the refusal of the pre-bootstrap hook, None when it allows the job."""
        if not start.settings[agent.HOOKS_PATH]:
            return None
        from bkagent.agent import agent_hooks

        return None if agent_hooks.pre_bootstrap_allows(start, self._context.report) else REJECTED_BY_HOOK

    def _job_start(self, files: JobFiles, entry: AgentEntry) -> JobStart:
        settings = self._context.settings
        return JobStart(
            job=self._job, settings=settings.job, endpoint=self._client.endpoint, token=self._client.token,
            request_headers=self._client.request_headers, files=files, log_tmpfile=entry.job.log_tmpfile,
            agent_pid=os.getpid(),
        )  # fmt: skip

    def _launch(self, entry: AgentEntry, start: JobStart) -> launch.Child:
        build_path = start.settings[agent.BUILD_PATH]
        os.makedirs(build_path, exist_ok=True)
        in_use_locks.touch(own_folders(start.settings))
        env = job_environment.process_environment(start)
        # The agent knows them and no variable of the job has them, but a job may still manage to print them.
        secrets = (self._context.settings.token, self._session.token, start.token)
        child = launch.start(entry.folder, env, build_path, self._context.warm, secrets)
        text = f"Process of job {self._job.id} is running with PID: {child.pid}"
        self._context.report("debug", text, "job.process_started")
        return child

    def _refuse(self, entry: AgentEntry, refusal: Refusal) -> None:
        self._append_lines(entry, refusal.lines)
        settle_unrunnable(entry, outcome.refused(refusal.reason, rfc3339(time.time_ns())))

    def _append_lines(self, entry: AgentEntry, lines: "tuple[str, ...]") -> None:
        """Add lines of the agent's own to the log. They come from no terminal, so they end in LF."""
        if not lines:
            return
        secrets = SecretValues(self._job.env, tuple(self._context.settings.job[REDACTED_VARS]))
        clean = [secrets.scrub(self._context.known.scrub(line)) for line in lines]
        text = "".join(shown_text.message(line) + "\n" for line in clean)
        log_bytes = text.encode("utf-8", "surrogateescape")
        if entry.job.ansi_timestamps:
            log_bytes = AnsiStamper(lambda: time.time_ns() // 1_000_000).feed(log_bytes)
        entry.append(log_bytes)
        if entry.job.log_copy:
            self._append_to_copy(entry.job.log_copy, log_bytes)

    def _append_to_copy(self, path: str, data: bytes) -> None:
        try:
            local_copies.append(path, data, local_copies.COPY_MODE)
        except OSError as problem:
            text = f"the copy of a log in {path} cannot be written: {problem.strerror}"
            self._context.report("warn", text, "job.log_copy_failed")

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


def own_folders(settings: JobSettings) -> Tuple[str, ...]:
    """Return the folders of this program that jobs use: the code, and the launchers."""
    return (self_command.code_root(), settings.launchers_path)


def _reap(child: launch.Child, entry: AgentEntry, delivery: JobDelivery, report: EventReport) -> None:
    """Wait for the process so that no zombie stays; the job's end is read from the entry.

    A process that ended before it took the entry left no sign there, so that is written down here.
    """
    ended = child.wait()
    status, signal = ended.exit_code, ended.signal or "nil"
    text = f"Process with PID: {child.pid} finished with Exit Status: {status}, Signal: {signal}"
    report("debug", text, "job.process_ended")
    # In this order: an entry that has been removed says "not started" too, but only when its job is over.
    if entry.process.started() or delivery.over:
        return
    stderr = last_words(entry)
    text = f"the process of job {entry.job_id} could not begin{': ' + stderr if stderr else ''}"
    report("error", text, "job.process_failed")
    settle_unrunnable(entry, outcome.lost(rfc3339(time.time_ns())))
