"""Upload a job's artifacts from its own process, with the settings and the words of `artifact upload`."""

from __future__ import annotations

from bkagent.config.options import artifacts as options
from bkagent.config.settings import Source, resolve
from bkagent.errors import AgentError, Cancelled, JobFailed
from bkagent.job.job import RunningJob
from bkagent.system import host


def run(job: RunningJob, pattern: str, destination: str) -> None:
    """Upload what `pattern` names, relative to the job's working directory. Raises JobFailed, Cancelled."""
    # Loaded here: most jobs have no artifacts.
    from bkagent.artifacts.transfer_context import TransferContext
    from bkagent.artifacts.upload.options import UploadOptions
    from bkagent.artifacts.upload.upload import upload

    environ = job.session.child_env()
    try:
        settings = resolve(options.UPLOAD, Source({}, environ), lambda sentence: None)
        context = TransferContext(
            job.client, job.session.cwd, environ, host.user_agent(), job.log.report,
            job.client.request_log, job.session.cancellation,
        )  # fmt: skip
        upload(
            context, job.own_id, pattern, UploadOptions.from_settings(settings, destination, job.settings.compat),
            scrub=lambda texts: [job.redactions.scrubbed(text) for text in texts],
        )  # fmt: skip
    except Cancelled:
        raise
    except AgentError as error:
        # As if the command had run in a process of its own: what it says, then how it ended.
        job.log.plain(f"buildkite-agent: fatal: failed to upload artifacts: {error}")
        raise JobFailed("exit status 1", 1) from error
