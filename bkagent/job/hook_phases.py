"""Run the hooks of one name: the agent's first, then the repository's."""

from __future__ import annotations

import os
from typing import List

from bkagent.errors import JobFailed
from bkagent.hooks import find, kind
from bkagent.hooks import run as hook_run
from bkagent.hooks.run import Hook, HookFailed
from bkagent.job import changes
from bkagent.job.job import Job
from bkagent.shell.session import CommandFailed

NO_LOCAL_HOOKS = "BUILDKITE_NO_LOCAL_HOOKS"


class ShellHookFailed(JobFailed):
    """The shell of a hook ended with `exit_code`."""


class HookInterrupted(JobFailed):
    """A signal ended a hook that runs without a wrapper; `reason` names it."""


def run_all(job: Job, name: str) -> None:
    """Run every hook `name`; the first that fails keeps the others from running. Raises JobFailed."""
    run_agent(job, name)
    run_repository(job, name)


def run_agent(job: Job, name: str) -> bool:
    """Run the agent's hooks `name`; return whether there was one."""
    found = agent_hooks(job, name)
    for path in found:
        _run(job, Hook("agent", name, path))
    return bool(found)


def run_repository(job: Job, name: str) -> bool:
    """Run the repository's hook `name`; return whether there was one. Raises JobFailed where such hooks are off."""
    found = repository_hooks(job, name)
    for path in found:
        _refuse_local(job, path)
        _run(job, Hook("repository", name, path))
    return bool(found)


def agent_hooks(job: Job, name: str) -> List[str]:
    """Return the paths of the agent's hooks `name`, in order."""
    return find.find_all(job.settings.hooks_paths, name)


def repository_hooks(job: Job, name: str) -> List[str]:
    """Return the path of the repository's hook `name`, if there is a checkout and it has one."""
    if not job.hooks_root:
        return []
    path = find.find(os.path.join(job.hooks_root, ".buildkite", "hooks"), name, inside=job.hooks_root)
    return [path] if path else []


def _refuse_local(job: Job, path: str) -> None:
    if job.settings.local_hooks_enabled and job.get_env(NO_LOCAL_HOOKS) not in ("true", "1"):
        return
    raise JobFailed(f"refusing to run {path}, local hooks are disabled", 1)


def _run(job: Job, hook: Hook) -> None:
    is_shell = _is_shell(hook.path)
    job.take_workdir()
    try:
        made = hook_run.run(job.session, hook)
    except HookFailed as failed:
        cause = failed.__cause__
        if is_shell and isinstance(cause, CommandFailed):
            raise ShellHookFailed(str(failed), failed.exit_code) from failed
        if isinstance(cause, CommandFailed) and cause.signal:
            raise HookInterrupted(str(failed), failed.exit_code) from failed
        raise
    if is_shell:
        changes.apply(job, made)
        return
    folder = job.take_workdir()
    if folder:
        changes.go_to(job, folder)
    changes.refresh(job)


def _is_shell(path: str) -> bool:
    try:
        return kind.of(path).kind is kind.Kind.SHELL
    except OSError:
        return True  # running it will say what is wrong
