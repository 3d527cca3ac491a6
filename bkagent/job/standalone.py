"""A job without an agent or a spool: what it prints goes to a stream, redacted and without times."""

from __future__ import annotations

from typing import BinaryIO, Callable, Mapping

from bkagent.config import paths
from bkagent.config.launching import self_command
from bkagent.config.options import api
from bkagent.config.settings import Settings
from bkagent.errors import AgentError
from bkagent.job import build_job, run
from bkagent.job.api import service
from bkagent.job.build_job import ControlPlane
from bkagent.job.environment import BIN_PATH
from bkagent.job.process import Ending
from bkagent.logs.job_log import JobLog
from bkagent.redaction.redactor import Redactor
from bkagent.remote import request_headers
from bkagent.shell.cancellation import Cancellation
from bkagent.system import host, process_start, signals
from bkagent.transport.timers import Timers


class StandaloneJob:
    """One job whose log goes to `out`. Making one raises ConfigError."""

    def __init__(self, settings: Settings, environ: Mapping[str, str], out: BinaryIO) -> None:
        self._settings = build_job.settings_of(environ, settings)
        self._environ = environ
        self._log = JobLog(_writer_of(out), Redactor())
        self._cancellation = Cancellation(
            self._settings.cancel_signal, self._settings.signal_grace_s, self._settings.cancel_grace_s
        )
        self._signal = ""

    def cancel(self, signal: str) -> None:
        """Stop the job, because this process was sent a signal."""
        self._signal = self._signal or signal
        self._cancellation.request()

    def run(self) -> Ending:
        """Run the job; say how this process is to end."""
        exit_code = self._run()
        self._log.flush()
        self._signal = self._signal or signals.heard()  # also where the thread that cancels has not begun
        if not self._signal or not signals.CAN_DIE:
            return Ending(exit_code)
        if self._signal == "SIGQUIT":
            return Ending(signals.QUIT_STATUS)
        return Ending(exit_code, self._signal)

    def _run(self) -> int:
        environ = self._environ
        control_plane = ControlPlane(
            environ.get(api.ENDPOINT.env[0]) or api.DEFAULT_ENDPOINT,
            environ.get(api.ACCESS_TOKEN.env[0], ""),
            host.user_agent(),
            request_headers.from_environ(environ),
        )
        launchers = environ.get(BIN_PATH) or self_command.launcher_folder(paths.state_path(environ))
        job = build_job.assemble(
            self._settings, environ, self._log, self._cancellation, control_plane,
            call_later=Timers().call_later, pty=self._settings.pty and process_start.TERMINALS,
            raw="pty-raw" in self._settings.experiments, launchers=launchers,
        )  # fmt: skip
        try:
            with service.serving(job, control_plane.upstream(environ)):
                return run.run(job)
        except AgentError as problem:
            job.log.error(str(problem))
            return problem.exit_code


def _writer_of(out: BinaryIO) -> Callable[[bytes], None]:
    def write(data: bytes) -> None:
        out.write(data)
        out.flush()

    return write
