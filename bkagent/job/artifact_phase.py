"""Upload the artifacts that the step names, with the hooks around that."""

from __future__ import annotations

from typing import Tuple

from bkagent.errors import AgentError, JobFailed
from bkagent.job import hook_phases
from bkagent.job.job import Job
from bkagent.shell import prompt


def run(job: Job) -> None:
    """Run the phase; nothing happens where no paths are set. Raises JobFailed."""
    paths, destination = job.refreshed.artifact_paths, job.refreshed.artifact_destination
    if not paths:
        return
    hook_phases.run_all(job, "pre-artifact")
    job.log.header("Uploading artifacts")
    words: Tuple[str, ...] = ("bkagent", "artifact", "upload", paths, *([destination] if destination else []))
    job.log.prompt(prompt.command_line(words))
    try:
        _upload(job, paths, destination)
    except JobFailed:
        raise
    except AgentError as error:
        raise JobFailed(f"failed to upload artifacts: {error}", error.exit_code) from error
    hook_phases.run_all(job, "post-artifact")


def _upload(job: Job, paths: str, destination: str) -> None:
    if job.upload is None:
        raise JobFailed("there is no control plane to upload artifacts to", 1)
    job.upload(job, paths, destination)
