"""Upload the artifacts that the step names, with the hooks around that."""

from __future__ import annotations

from bkagent.job.job import RunningJob
from bkagent.job.phases import artifact_upload, as_command, hooks


def run(job: RunningJob) -> None:
    """Run the phase; nothing happens where no paths are set. Raises AgentError."""
    if not job.refreshed.artifact_paths:
        return
    hooks.run_all(job, "pre-artifact")
    job.log.header("Uploading artifacts")
    _upload(job)
    hooks.run_all(job, "post-artifact")


def _upload(job: RunningJob) -> None:
    """Upload what is named now: the hooks before the upload have had their say about paths and destination."""
    paths, destination = job.refreshed.artifact_paths, job.refreshed.artifact_destination
    if not paths:
        job.log.comment("Skipping the upload, a pre-artifact hook has left no BUILDKITE_ARTIFACT_PATHS")
        return
    words = ["artifact", "upload", paths]
    words += [destination] if destination else []
    as_command.run_as_command(job, words, lambda: artifact_upload.run(job, paths, destination))
