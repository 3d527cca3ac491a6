"""The variables that the job's own process adds to its environment: a list of contributors, each with its own mapping.

They are asked in order, and each sees what those before it said; a later one wins.
"""

from __future__ import annotations

import os
from typing import Callable, Mapping, Tuple

from bkagent.config.launching import self_command
from bkagent.config.options import bootstrap
from bkagent.config.variables.protected_variables import CHECKOUT_PATH
from bkagent.job import job_settings
from bkagent.job.job import RunningJob
from bkagent.shell import programs

Contributor = Callable[[RunningJob, Mapping[str, str]], Mapping[str, str]]
BIN_PATH = bootstrap.BIN_PATH.env[0]


def path(job: RunningJob, env: Mapping[str, str]) -> Mapping[str, str]:
    """The commands for jobs: last on PATH, or first where another `buildkite-agent` would be found otherwise."""
    folder = env.get(BIN_PATH, "")
    if not folder:
        return {}
    before = env.get("PATH", "")
    folders = [entry for entry in before.split(os.pathsep) if entry]
    if _finds_another(env, job.session.cwd, folder):
        folders.insert(0, folder)
    elif folder not in folders:
        folders.append(folder)
    return {"PATH": os.pathsep.join(folders), BIN_PATH: folder}


def checkout_path(job: RunningJob, env: Mapping[str, str]) -> Mapping[str, str]:
    """Return the checkout path, unless the job sets it itself. Raises ConfigError without a build path."""
    path = env.get(CHECKOUT_PATH)
    if path is None:
        return {CHECKOUT_PATH: job_settings.checkout_path(job.settings)}
    # Made absolute while the job is still where it was started.
    return {CHECKOUT_PATH: os.path.normpath(os.path.join(job.session.cwd, path))} if path else {}


def git_prompt(job: RunningJob, env: Mapping[str, str]) -> Mapping[str, str]:
    """Keep git from asking questions: a job has no person to answer them."""
    return {"GIT_TERMINAL_PROMPT": "0"}


def git_lfs(job: RunningJob, env: Mapping[str, str]) -> Mapping[str, str]:
    """With LFS on, files are fetched in one go after the checkout, not one by one during it."""
    return {"GIT_LFS_SKIP_SMUDGE": "1"} if job.refreshed.checkout.lfs else {}


# LFS and the environment hooks come after secrets in `setup`.
CONTRIBUTORS: Tuple[Contributor, ...] = (path, checkout_path, git_prompt)


def contribute(job: RunningJob, contributors: Tuple[Contributor, ...] = CONTRIBUTORS) -> None:
    """Let contributors add to the job's environment."""
    for contributor in contributors:
        with job.session.lock:
            env = dict(job.session.env)
        for name, value in contributor(job, env).items():
            job.set_env(name, value)


def _finds_another(env: Mapping[str, str], cwd: str, folder: str) -> bool:
    """Return whether PATH leads to a `buildkite-agent` that is not ours."""
    program = programs.find(self_command.NAMES[0], env, cwd)
    return program is not None and os.path.dirname(os.path.realpath(program)) != os.path.realpath(folder)
