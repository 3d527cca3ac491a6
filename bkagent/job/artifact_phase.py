"""Upload the artifacts that the step names, with the hooks around that."""

from __future__ import annotations

from bkagent.config import self_command
from bkagent.job import artifact_upload, hook_phases
from bkagent.job.job import Job
from bkagent.shell import prompt


def run(job: Job) -> None:
    """Run the phase; nothing happens where no paths are set. Raises AgentError."""
    paths, destination = job.refreshed.artifact_paths, job.refreshed.artifact_destination
    if not paths:
        return
    hook_phases.run_all(job, "pre-artifact")
    job.log.header("Uploading artifacts")
    # Shown as a person would run it: it needs no process of its own.
    words = [self_command.NAMES[0], "artifact", "upload", paths]
    job.log.prompt(prompt.command_line([*words, destination] if destination else words))
    artifact_upload.run(job, paths, destination)
    hook_phases.run_all(job, "post-artifact")
