"""Run the hooks of one name: the agent's first, then the repository's, then the plugins', or the other way round."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, List, Mapping, Optional, Sequence

from bkagent.config.options import agent
from bkagent.errors import JobFailed
from bkagent.hooks import find, kind
from bkagent.job.job import RunningJob
from bkagent.job.phases import hook_changes
from bkagent.shell.session import CommandFailed

if TYPE_CHECKING:
    from bkagent.plugins.checkout import CheckedOut

NO_LOCAL_HOOKS = agent.NO_LOCAL_HOOKS.env[0]


class ShellHookFailed(JobFailed):
    """The shell of a hook ended with `exit_code`."""


class ProgramHookFailed(JobFailed):
    """A hook that is a program ended with `exit_code`, or with -1 by the signal named `signal`."""

    def __init__(self, message: str, exit_code: int, signal: str) -> None:
        super().__init__(message, exit_code)
        self.signal = signal


def run_all(job: RunningJob, name: str) -> None:
    """Run every hook `name`; the first that fails keeps the others from running. Raises JobFailed."""
    steps = (run_agent, run_repository, run_plugins)
    for step in reversed(steps) if _is_reversed(job, name) else steps:
        step(job, name)


def _is_reversed(job: RunningJob, name: str) -> bool:
    return job.settings.compat.reverses_post_hooks and name in ("post-checkout", "post-command", "pre-exit")


def run_agent(job: RunningJob, name: str) -> bool:
    """Run the agent's hooks `name`; return whether there was one. Raises JobFailed."""
    paths = agent_hooks(job, name)
    if job.log.is_debug:
        _report_missing(job, name, paths)
    for path in paths:
        _run(job, "agent", name, path)
    return bool(paths)


def run_repository(job: RunningJob, name: str) -> bool:
    """Run the repository's hook `name`; return whether there was one. Raises JobFailed, also if they are off."""
    paths = repository_hooks(job, name)
    if not paths and job.log.is_debug:
        job.log.debug(f"Local hook {name} doesn't exist: {_why_missing(job)}, skipping")
    for path in paths:
        _refuse_local(job, path)
        _run(job, "repository", name, path)
    return bool(paths)


def run_plugins(job: RunningJob, name: str, among: "Optional[Sequence[CheckedOut]]" = None) -> bool:
    """Run the hook `name` of the plugins that are loaded, or given; return whether one has it. Raises JobFailed."""
    loaded = job.loaded if among is None else among
    if not loaded:
        return False
    # Loaded here: most jobs have no plugins.
    from bkagent.job.phases import plugin_hooks

    has_run = False
    for hook in plugin_hooks.of(job, name, loaded[::-1] if _is_reversed(job, name) else loaded):
        has_run = True
        _run(job, "plugin", name, hook.path, hook.plugin_name, plugin_hooks.variables_for(job, hook.checked_out))
    return has_run


def agent_hooks(job: RunningJob, name: str) -> List[str]:
    """Return the paths of the agent's hooks `name`, in order."""
    return find.find_all(job.settings.hooks_paths, name)


def repository_hooks(job: RunningJob, name: str) -> List[str]:
    """Return the path of the repository's hook `name`, if there is a checkout and it has one.

    A job that works in a subfolder has the hooks of that folder; with --compat 3 those of the root if it has no hooks.
    """
    if not job.hooks_root:
        return []
    for folder in _hook_folders(job):
        path = find.find(folder, name, inside=job.hooks_root)
        if path:
            return [path]
    return []


def _report_missing(job: RunningJob, name: str, paths: Sequence[str]) -> None:
    has_hook = {os.path.dirname(path) for path in paths}
    for folder in job.settings.hooks_paths:
        if os.path.dirname(os.path.join(folder, name)) not in has_hook:
            job.log.debug(f'Skipping agent {name} hook, no script in "{folder}"')


def _hook_folders(job: RunningJob) -> List[str]:
    """Return the folders of hooks that count, each inside the checkout."""
    below = _below(job.hooks_root, job.session.cwd)
    folders = [] if below is None else [below]
    if job.settings.compat.has_root_hooks_everywhere and below != "":
        folders.append("")
    return [os.path.join(job.hooks_root, folder, ".buildkite", "hooks") for folder in folders]


def _why_missing(job: RunningJob) -> str:
    if not job.hooks_root:
        return "there is no checkout"
    folders = [f'"{folder}"' for folder in _hook_folders(job)]
    return f"no script in {' or '.join(folders)}" if folders else "the job works outside its checkout"


def _below(root: str, folder: str) -> Optional[str]:
    """Return where `folder` is below `root`, "" for the root itself, None outside. Links above make no difference."""
    below = _below_by_name(root, folder)
    return _below_by_name(os.path.realpath(root), os.path.realpath(folder)) if below is None else below


def _below_by_name(root: str, folder: str) -> Optional[str]:
    if folder == root:
        return ""
    try:
        relative = os.path.relpath(folder, root)
    except ValueError:  # another drive
        return None
    if relative.split(os.sep)[0] == os.pardir:
        return None
    return "" if relative == os.curdir else relative


def _refuse_local(job: RunningJob, path: str) -> None:
    if job.settings.local_hooks_enabled and job.get_env(NO_LOCAL_HOOKS) not in ("true", "1"):
        return
    raise JobFailed(f"refusing to run {path}, local hooks are disabled", 1)


def _run(
    job: RunningJob, scope: str, name: str, path: str, plugin_name: str = "", env: Optional[Mapping[str, str]] = None
) -> None:
    # Loaded here: many jobs have no hooks, and what runs them takes a while to load.
    from bkagent.hooks import run as hook_run

    is_shell = _is_shell(path)
    job.take_workdir()
    try:
        hook = hook_run.Hook(scope, name, path, plugin_name, env or {})
        changes = hook_run.run(job.session, hook, job.settings.override_self)
    except hook_run.HookFailed as failed:
        cause = failed.__cause__
        if not isinstance(cause, CommandFailed):
            raise
        if is_shell:
            raise ShellHookFailed(str(failed), failed.exit_code) from failed
        raise ProgramHookFailed(str(failed), failed.exit_code, cause.signal) from failed
    if is_shell:
        hook_changes.apply(job, changes, scope)
        return
    folder = job.take_workdir()
    if folder:
        hook_changes.go_to(job, folder)
    hook_changes.refresh(job)


def _is_shell(path: str) -> bool:
    try:
        return kind.read_kind(path).kind is kind.HookKind.SHELL
    except OSError:
        return True  # running it will say what is wrong
