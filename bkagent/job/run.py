"""One job from the first phase to its exit code."""

from __future__ import annotations

from typing import Callable, Optional

from bkagent.errors import AgentError, SetupFailed
from bkagent.job.job import RunningJob
from bkagent.job.phases import artifacts, checkout, command, git_credentials, plugins, setup, teardown
from bkagent.job.phases.command import COMMAND_STATUS, CommandEnding
from bkagent.job.phases.hooks import ShellHookFailed
from bkagent.system import exit_status


def run(job: RunningJob) -> int:
    """Run the phases; return the exit code of the job, as others see it."""
    job.leftovers.track()
    exit_code = _run_phases(job)
    with job.session.in_grace():
        error = teardown.run(job)
    if error is not None:
        job.log.error(f"Error tearing down job executor: {error}")
        exit_code = error.exit_code
    job.leftovers.report_or_kill(job.log, job.session.cancellation.requested)
    return exit_status.visible(exit_code)


def _run_phases(job: RunningJob) -> int:
    if git_credentials.is_enabled(job):
        problem = _error_of(git_credentials.configure, job)
        if problem is not None:
            job.log.error(f"Error configuring repository credentials: {problem}")
            return 1
    try:
        setup.run(job)
        git_credentials.follow_repository(job)
    except AgentError as error:
        job.log.error(f"Error setting up job executor: {error}")
        return error.exit_code if isinstance(error, ShellHookFailed) else SetupFailed.exit_code
    error_before = _prepare(job)
    if error_before is not None:
        job.log.error(str(error_before))
        return error_before.exit_code
    if "command" not in job.settings.phases:
        return 0
    ending = command.run(job)
    with job.session.in_grace():
        artifact_error = _error_of(artifacts.run, job)
    return _decide(job, ending, artifact_error)


def _prepare(job: RunningJob) -> Optional[AgentError]:
    """Run the phases before the command; return the error that keeps the command from running."""
    problem = _error_of(plugins.run, job) if "plugin" in job.settings.phases else None
    if problem is None and "checkout" in job.settings.phases:
        problem = _error_of(checkout.run, job)
    else:
        absent = _error_of(checkout.open_existing, job)
        problem = problem or absent
    return problem or _error_of(plugins.run_vendored, job)


def _error_of(phase: Callable[[RunningJob], None], job: RunningJob) -> Optional[AgentError]:
    try:
        phase(job)
    except AgentError as error:
        return error
    return None


def _decide(job: RunningJob, ending: CommandEnding, artifact_error: Optional[AgentError]) -> int:
    """Return the exit code: artifacts count unless the command failed, then hooks, then what the variable says."""
    if artifact_error is not None:
        job.log.error(str(artifact_error))
        if ending.command_error is None:
            return artifact_error.exit_code
    if ending.phase_error is not None:
        job.log.error(str(ending.phase_error))
        return ending.phase_error.exit_code
    try:
        return int(job.get_env(COMMAND_STATUS) or "0")
    except ValueError:
        return 0
