"""Upload a job's artifacts from its own process, with the settings and the words of `artifact upload`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Mapping

from bkagent.config import paths
from bkagent.config.options import artifacts as options
from bkagent.config.settings import Source, resolve
from bkagent.errors import AgentError, Cancelled, JobFailed
from bkagent.job.job import RunningJob
from bkagent.system import host, private_folder
from bkagent.version import user_agent

if TYPE_CHECKING:
    from bkagent.artifacts.upload import UploadOptions

_ROWS = (
    options.CONTENT_TYPE, options.LITERAL, options.DELIMITER, options.FOLLOW, options.SKIP_SYMLINKS,
    options.OLD_FOLLOW, options.CONCURRENCY, options.NO_MULTIPART,
)  # fmt: skip


def run(job: RunningJob, pattern: str, destination: str) -> None:
    """Upload what `pattern` names, relative to the job's working directory. Raises JobFailed, Cancelled."""
    # Loaded here: most jobs have no artifacts.
    from bkagent.artifacts.upload import upload

    environ = job.session.child_env()
    try:
        upload(
            job.client, job.own_id, pattern, cwd=job.session.cwd,
            home=private_folder.account_home() or paths.home(environ), environ=environ,
            user_agent=user_agent(host.goos(), host.goarch()), report=job.log.report,
            scrub=lambda texts: [job.redactions.scrubbed(text) for text in texts],
            cancellation=job.session.cancellation, options=_options(environ, destination),
            request_log=job.client.request_log,
        )  # fmt: skip
    except Cancelled:
        raise
    except AgentError as error:
        # As if the command had run in a process of its own: what it says, then how it ended.
        job.log.plain(f"buildkite-agent: fatal: failed to upload artifacts: {error}")
        raise JobFailed("exit status 1", 1) from error


def _options(environ: Mapping[str, str], destination: str) -> "UploadOptions":
    from bkagent.artifacts.collect import Selection
    from bkagent.artifacts.upload import UploadOptions

    settings = resolve(_ROWS, Source({}, environ), lambda sentence: None)
    return UploadOptions(
        selection=Selection(
            delimiter=settings[options.DELIMITER], literal=settings[options.LITERAL],
            follow_symlinks=settings[options.FOLLOW], skip_symlinks=settings[options.SKIP_SYMLINKS],
        ),
        destination=destination, content_type=settings[options.CONTENT_TYPE],
        concurrency=settings[options.CONCURRENCY], multipart=not settings[options.NO_MULTIPART],
    )  # fmt: skip
