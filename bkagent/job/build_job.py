"""Build one job from its environment and the arguments of its process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Callable, Mapping, Optional, Tuple

from bkagent.config.options import bootstrap
from bkagent.config.settings import Settings, Source, resolve
from bkagent.errors import ConfigError
from bkagent.job import cancel_notice
from bkagent.job.api.redactions import Redactions
from bkagent.job.job import RunningJob
from bkagent.job.job_settings import JobProcessSettings, from_settings
from bkagent.job.leftovers import Leftovers
from bkagent.localapi.upstream import Upstream
from bkagent.logs.job_log import JobLog
from bkagent.shell.cancellation import Cancellation
from bkagent.shell.log_lines import LogLines
from bkagent.shell.session import Session
from bkagent.spool.background_sync import CallLater

if TYPE_CHECKING:
    from bkagent.remote.client import Client
    from bkagent.transport.client.request_log import RequestLog


class ControlPlane:
    """The control plane that the job came from, and how to reach it."""

    def __init__(self, endpoint: str, token: str, user_agent: str, headers: Mapping[str, str]) -> None:
        self.endpoint, self.token, self.user_agent, self.headers = endpoint, token, user_agent, headers

    def connect(self, environ: Mapping[str, str], scrub: Callable[[str], str], log: LogLines) -> "Client":
        """Return a client, which connects at its first call. Loaded late: many jobs never need one.

        `scrub` takes out what must not leave the job. A debug `log` shows the requests.

        Raises ConfigError without a token: no request would be answered, and none is worth waiting for.
        """
        if not self.token:
            raise ConfigError("the job has no BUILDKITE_AGENT_ACCESS_TOKEN")
        from bkagent.remote.client import Client

        return Client(
            self.endpoint, self.token, environ=environ, user_agent=self.user_agent, request_headers=self.headers,
            scrub=scrub, request_log=_request_log(environ, log),
        )  # fmt: skip

    def upstream(self, environ: Mapping[str, str]) -> Upstream:
        """Return what passes on the requests of commands inside the job."""
        return Upstream(
            self.endpoint, self.token, environ=environ, user_agent=self.user_agent, request_headers=self.headers
        )


def settings_of(environ: Mapping[str, str], settings: Optional[Settings] = None) -> JobProcessSettings:
    """Return a job's settings, from its environment alone or from `settings`. Raises ConfigError, UsageError."""
    if settings is None:
        settings = resolve(bootstrap.JOB, Source({}, environ), lambda sentence: None)
    return from_settings(settings, environ)


def assemble(
    settings: JobProcessSettings,
    environ: Mapping[str, str],
    log: JobLog,
    cancellation: Cancellation,
    control_plane: ControlPlane,
    *,
    call_later: CallLater,
    pty: bool,
    raw: bool = False,
    launchers: str = "",
    ends_leftovers: bool = False,
    allowed_repositories: Tuple[str, ...] = (),
) -> RunningJob:
    """Return a job that is ready to run; nothing shows of it yet but in its log. Raises ConfigError."""
    lines = LogLines(log, is_debug=settings.debug, disabled_warnings=settings.disabled_warnings)
    leftovers = Leftovers(environ, ends_leftovers, call_later)
    session = Session(
        environ, _working_directory(), lines, cancellation=cancellation, pty=pty, raw=raw, base_env=leftovers.env
    )
    redactions = Redactions(log.redactor, settings.redacted_vars)
    lines.debug(f"Enabling output redaction for values of variables matching: [{' '.join(settings.redacted_vars)}]")
    redactions.add_from(environ, lines)
    connect: Callable[[], "Client"] = lambda: control_plane.connect(environ, redactions.scrubbed, lines)  # noqa: E731
    job = RunningJob(settings, environ, session, redactions, connect, leftovers, launchers, allowed_repositories)
    cancel_notice.watch(job)
    return job


def _request_log(environ: Mapping[str, str], log: LogLines) -> "Optional[RequestLog]":
    if not log.is_debug:
        return None
    from bkagent.config.options import api
    from bkagent.transport.client.request_log import RequestLog

    settings = resolve((api.DEBUG_HTTP,), Source({}, environ), lambda sentence: None)
    return RequestLog(log.report, settings[api.DEBUG_HTTP])


def _working_directory() -> str:
    try:
        return os.getcwd()
    except OSError:
        return os.sep
