"""The process of one job: everything between its spool entry and its result."""

from __future__ import annotations

import os
import time
from typing import Dict, Mapping, Optional, Sequence

from bkagent.errors import AgentError, MissingValue, SetupFailed
from bkagent.job import bootstrap_script, build_job, env_overflow, run
from bkagent.job.api import service
from bkagent.job.build_job import ControlPlane
from bkagent.job.environment import BIN_PATH
from bkagent.job.heartbeat_watch import HeartbeatWatch, Limits
from bkagent.job.job import RunningJob
from bkagent.logs.job_log import JobLog, stamper_for
from bkagent.logs.local_copies import COPY_MODE, TMPFILE_MODE, LocalCopies
from bkagent.named_tuple import NamedTuple
from bkagent.redaction.needles import to_bytes
from bkagent.redaction.redactor import Redactor
from bkagent.report import report_defect
from bkagent.shell.cancellation import Cancellation
from bkagent.shell.session import TERMINAL_KIND
from bkagent.spool.job_entry import JobFile, attach, read_job_file
from bkagent.spool.manifest import JobManifest
from bkagent.spool.result import Result
from bkagent.spool.shared_files import AGENT_STOP
from bkagent.system import exit_status, process_start, signals
from bkagent.transport.timers import Timers
from bkagent.wire.finish import RUN_ERROR
from bkagent.wire.timestamps import rfc3339

_LOST = Result(-1, "", RUN_ERROR)


class Ending(NamedTuple):
    """How the process is to end: by a signal, or with an exit status."""

    exit_status: int
    signal: str = ""


class JobProcess:
    """Runs the job of a spool entry."""

    def __init__(self, entry_folder: str, environ: Mapping[str, str]) -> None:
        self._folder, self._environ = entry_folder, environ
        self._redactor = Redactor()
        self._cancellation = Cancellation()
        self._timers = Timers()
        self._signal = ""
        self._is_abandoned = False
        self._job_file: Optional[JobFile] = None
        self._running_job: Optional[RunningJob] = None

    def cancel(self, signal: str) -> None:
        """Stop the job, because this process was sent a signal. May come before `run`."""
        self._signal = self._signal or signal
        self._cancellation.request()

    def prepare(self) -> None:
        """Do what of `run` shows nowhere: before the control plane has said that the job may start.

        It takes nothing of the entry, so that the process may end instead. What is wrong is met by `run` again.
        """
        try:
            self._timers.start()
            job_file = read_job_file(self._folder)
            self._describe(job_file.job)
            self._job_file = job_file
            if not self._job.bootstrap_script and not env_overflow.exists(self._folder):
                self._running_job = self._assemble()
        except Exception:  # an edge as `run` has one, which begins anew and says what this is
            self._job_file = None

    def scrub(self, text: str) -> str:
        """Return a text without the secrets that this process knows by now."""
        return self._redactor.whole(to_bytes(text)).decode("utf-8", "surrogateescape")

    def run(self, secrets: Sequence[str] = ()) -> Ending:
        """Run the job and leave its result; say how this process is to end. `secrets` are never in its log.

        Raises AgentError or OSError where the entry cannot be taken.
        """
        for secret in secrets:
            self._redactor.add(secret)
        self._attach()
        self._environ = env_overflow.restore(self._folder, self._environ)
        watch = HeartbeatWatch(self._entry.heartbeat_age_s, self._abandon, self._limits, self._timers.call_later)
        watch.start()
        try:
            result = self._result()
        except Exception as defect:  # the edge of the process: whatever is wrong, the job must have a result
            self._log.line("bkagent: fatal: internal error; see the agent's log for the path of the crash report")
            report_defect(defect)
            result = _LOST
        watch.stop()
        self._log.flush()
        finished = Result(result.exit_status, result.signal, result.signal_reason, rfc3339(time.time_ns(), 6))
        self._end_copies()
        self._entry.finish(finished)
        self._entry.close()
        self._entry.bring_to_disk()
        dies = finished.signal if finished.signal == self._signal else ""
        return Ending(exit_status.visible(finished.exit_status), dies)

    def _attach(self) -> None:
        self._entry = attach(self._folder, call_later=self._timers.call_later, job_file=self._job_file)
        job = self._entry.job
        if self._job_file is None:
            self._describe(job)
        self._copies = LocalCopies(_copies_of(job), lambda problem: self._log.line(f"bkagent: {problem}"))
        self._log.begin(self._append if job.log_tmpfile or job.log_copy else self._entry.append)
        self._copies.report_problems()

    def _describe(self, job: JobManifest) -> None:
        """Take over what is known of the job. Its log keeps its lines for now."""
        self._job = job
        self._pty = job.pty and process_start.TERMINALS
        line_end = b"\r\n" if self._pty and not job.pty_raw else b"\n"
        self._log = JobLog(None, self._redactor, stamper_for(job), line_end=line_end)
        self._cancellation.set_graces(job.cancel_signal, job.signal_grace_s, job.cancel_grace_s)
        self._limits = Limits(job.lost_after_s)
        self._control_plane = ControlPlane(job.endpoint, job.token, job.user_agent, job.request_headers)

    def _append(self, output: bytes) -> None:
        self._entry.append(output)
        self._copies.take(output)

    def _abandon(self, age_s: float) -> None:
        self._is_abandoned = True
        self._cancellation.shorten(self._limits.most_grace_s(age_s))
        self._cancellation.request()
        self._log.line(
            f"The agent of this job has not reached the control plane for {age_s:.0f} seconds; the job ends, "
            "since another agent may be running it by now"
        )

    def _end_copies(self) -> None:
        self._copies.report_problems()
        self._copies.close()
        if self._job.log_tmpfile:
            try:
                os.unlink(self._job.log_tmpfile)
            except OSError:
                pass  # another program has removed it

    def _result(self) -> Result:
        program = self._job.bootstrap_script
        result = self._run_program(program) if program else _result_of(self._run_phases())
        # The command may have died of the same signal before the thread that cancels has begun.
        self._signal = self._signal or signals.heard()
        if self._is_abandoned:
            return Result(-1)
        # A program that was sent the signal too has a status of its own, which counts as in the reference.
        if self._signal and signals.CAN_DIE and not (program and result):
            return Result(signals.QUIT_STATUS) if self._signal == "SIGQUIT" else Result(-1, self._signal)
        if result == Result(0) and self._entry.cancel_reason() == AGENT_STOP:
            return Result(-1)  # without signals, too, a job that was stopped with its agent has not passed
        return result or _LOST

    def _run_program(self, program: str) -> Optional[Result]:
        return bootstrap_script.run(
            program, self._environ, self._log, self._cancellation, self._pty,
            ends_leftovers=self._job.leftovers == "end", call_later=self._timers.call_later,
        )  # fmt: skip

    def _run_phases(self) -> int:
        try:
            running_job = self._running_job or self._assemble()
        except MissingValue as missing:
            self._log.line(f"Missing {missing}. See: `buildkite-agent bootstrap --help`")
            return missing.exit_code
        except AgentError as problem:
            self._log.line(f"bkagent: fatal: {problem}")
            return problem.exit_code
        try:
            with service.serving(running_job, self._control_plane.upstream(running_job.environ)):
                return run.run(running_job)
        except service.ServiceFailed as problem:
            running_job.log.error(str(problem))
            return problem.exit_code

    def _assemble(self) -> RunningJob:
        """Return the job, ready to run. Raises AgentError."""
        job = self._job
        # As if this process had the terminal itself, as in the reference: the Job API shows that.
        environ = {**self._environ, "TERM": TERMINAL_KIND} if self._pty else self._environ
        settings = build_job.settings_of(environ)
        return build_job.assemble(
            settings, environ, self._log, self._cancellation, self._control_plane,
            call_later=self._timers.call_later, pty=self._pty and settings.pty, raw=job.pty_raw,
            launchers=environ.get(BIN_PATH, ""), ends_leftovers=job.leftovers == "end",
            allowed_repositories=job.allowed_repositories,
        )  # fmt: skip


def _result_of(exit_code: int) -> Result:
    # The same status of a command itself cannot be told apart, as with the reference.
    return _LOST if exit_code == SetupFailed.exit_code else Result(exit_code)


def _copies_of(job: JobManifest) -> Dict[str, int]:
    """Return the permissions of each file that the log goes to as well."""
    modes = {job.log_tmpfile: TMPFILE_MODE, job.log_copy: COPY_MODE}
    return {path: mode for path, mode in modes.items() if path}
