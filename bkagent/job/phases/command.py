"""Run the command of the job, with the hooks before and after it."""

from __future__ import annotations

from typing import Optional

from bkagent.errors import AgentError, JobFailed
from bkagent.job.job import RunningJob
from bkagent.job.phases import command_choice, docker, hooks
from bkagent.job.phases.hooks import ProgramHookFailed, ShellHookFailed
from bkagent.named_tuple import NamedTuple
from bkagent.shell import prompt
from bkagent.shell.session import CommandFailed
from bkagent.system import tree_removal

COMMAND_STATUS = "BUILDKITE_COMMAND_EXIT_STATUS"
# The first of these that has a command hook runs the command; without such a hook the command runs as it is.
_COMMAND_HOOKS = (hooks.run_plugins, hooks.run_repository, hooks.run_agent)


class CommandEnding(NamedTuple):
    """How the phase ended: the error of a hook, and that of the command itself, where it ended by itself."""

    phase_error: Optional[AgentError] = None
    command_error: Optional[AgentError] = None


def run(job: RunningJob) -> CommandEnding:
    """Run the phase."""
    try:
        hooks.run_all(job, "pre-command")
    except AgentError as failed:
        return CommandEnding(phase_error=failed)
    error = _run_command(job)
    job.set_env(COMMAND_STATUS, str(_status(error)))
    is_proper = error is not None and _tell(job, error)
    phase_error: Optional[AgentError] = None
    try:
        with job.session.in_grace():
            hooks.run_all(job, "post-command")
    except AgentError as failed:
        phase_error = failed
    if is_proper:
        job.log.plain(f"user command error: {error}")
    return CommandEnding(phase_error, error if is_proper else None)


def _run_command(job: RunningJob) -> Optional[AgentError]:
    try:
        if any(run_hooks(job, "command") for run_hooks in _COMMAND_HOOKS):
            return None
        _run_default(job)
    except AgentError as error:
        return error
    return None


def _run_default(job: RunningJob) -> None:
    choice = command_choice.choose(job)
    job.log.header(choice.header)
    try:
        if docker.is_asked_for(job):
            docker.run(job, choice.argv[-1])
            return
        command_line = prompt.command_line(choice.argv) if job.log.is_debug else choice.shown
        job.session.run(choice.argv, shown=command_line)
    finally:
        job.log.flush()
        if choice.temporary:
            tree_removal.remove_soon(choice.temporary)


def _status(error: Optional[AgentError]) -> int:
    if error is None:
        return 0
    return error.exit_code if isinstance(error, JobFailed) else 1


def _tell(job: RunningJob, error: AgentError) -> bool:
    """Show the error of a command; return whether it is one of the command itself."""
    job.log.open_group()
    if isinstance(error, (CommandFailed, ProgramHookFailed)) and error.signal:
        job.log.error(f"The command was interrupted by a signal: {error}")
        return True
    if isinstance(error, (CommandFailed, ProgramHookFailed, ShellHookFailed)):
        job.log.error(f"The command exited with status {error.exit_code}")
        return True
    job.log.error(str(error))
    return False
