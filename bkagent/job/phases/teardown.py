"""The last phase, whatever came before: `pre-exit` hooks, containers, and what is to be removed.

A `pre-exit` hook that fails keeps containers from being removed, as in `tearDown` of buildkite/agent
`internal/job/executor.go`.
"""

from __future__ import annotations

from typing import Optional

from bkagent.errors import AgentError
from bkagent.job.job import RunningJob
from bkagent.job.phases import docker, hooks
from bkagent.system.tree_removal import remove_tree


def run(job: RunningJob) -> Optional[AgentError]:
    """Run the phase; return the error of a hook."""
    error: Optional[AgentError] = None
    if "command" in job.settings.phases:
        try:
            hooks.run_all(job, "pre-exit")
        except AgentError as failed:
            error = failed
    if error is None and docker.is_asked_for(job):
        try:
            docker.clean_up(job)
        except AgentError as failed:
            error = failed
    for folder in job.temporary:
        _remove(job, folder)
    return error


def _remove(job: RunningJob, folder: str) -> None:
    try:
        remove_tree(folder)
    except OSError as problem:
        job.log.warning(f"Failed to remove dir {folder}: {problem.strerror}")
