"""The job's local socket, for as long as the job runs."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Iterator

from bkagent.config import paths
from bkagent.errors import AgentError
from bkagent.job.api.state import LiveState
from bkagent.job.job import RunningJob
from bkagent.localapi.job_server import JobServer
from bkagent.localapi.upstream import Upstream
from bkagent.system import local_socket
from bkagent.wire.upstream_protocol import SOCKET_VARIABLE, TOKEN_VARIABLE

_DISABLED = (
    "The Job API is off: secrets cannot be redacted while the job runs, and hooks that are programs cannot change the "
    "environment"
)

if TYPE_CHECKING:
    from bkagent.report import Report
_UNAVAILABLE = "The Job API is not available, since this Python has no Unix sockets"


class ServiceFailed(AgentError):
    """The job cannot have its local socket."""


@contextmanager
def serving(job: RunningJob, upstream: Upstream) -> Iterator[None]:
    """Serve the job's socket and name it in the job's environment. Raises ServiceFailed."""
    if not job.settings.job_api:
        job.log.warning(_DISABLED, id="job-api-disabled")
        yield
    elif not local_socket.available():
        job.log.warning(_UNAVAILABLE, id="job-api-unavailable")
        yield
    else:
        server = _start(job, upstream)
        try:
            yield
        finally:
            server.stop()
            job.log.debug("Successfully shut down Job API server")


def _start(job: RunningJob, upstream: Upstream) -> JobServer:
    upstream.scrub = job.redactions.scrubbed
    server = JobServer(
        job.settings.sockets_path, LiveState(job), upstream, job_id=job.settings.job_id,
        fallback_path=paths.temporary(job.environ), report=_reporter(job), reports_requests=job.log.is_debug,
    )  # fmt: skip
    try:
        socket_path, token = server.start()
    except AgentError as error:
        raise ServiceFailed(f"Error setting up Job API: {error}") from error
    job.redactions.add(token)
    job.set_env(SOCKET_VARIABLE, socket_path)
    job.set_env(TOKEN_VARIABLE, token)
    if job.log.is_debug:
        job.log.header("Job API")
        job.log.plain(f"Server listening on {socket_path}")
    return server


def _reporter(job: RunningJob) -> Report:
    def report(level: str, text: str) -> None:
        if level in ("warn", "error"):
            job.log.warning(text)
        else:
            job.log.debug(text)

    return report
