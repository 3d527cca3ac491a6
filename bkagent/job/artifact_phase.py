"""Upload the artifacts that the step names, with the hooks around that."""

from __future__ import annotations

from bkagent.job import artifact_upload, hook_phases, own_command
from bkagent.job.job import Job


def run(job: Job) -> None:
    """Run the phase; nothing happens where no paths are set. Raises AgentError."""
    paths, destination = job.refreshed.artifact_paths, job.refreshed.artifact_destination
    if not paths:
        return
    hook_phases.run_all(job, "pre-artifact")
    job.log.header("Uploading artifacts")
    words = ["artifact", "upload", paths]
    words += [destination] if destination else []
    own_command.do(job, words, lambda: artifact_upload.run(job, paths, destination))
    hook_phases.run_all(job, "post-artifact")
