"""The first phase: the environment, and the agent's `environment` hooks."""

from __future__ import annotations

from bkagent.config.options import api, bootstrap
from bkagent.config.variables.protected_variables import IGNORED
from bkagent.job import environment
from bkagent.job.job import RunningJob
from bkagent.job.phases import hooks, secrets
from bkagent.redaction.url_password import masked

_OPEN_TO_HOOKS = "These variables can be set by hooks, by plugins or in the configuration of the agent only"
_CLOSED = "These variables can be set by the agent's own hooks and in the environment of the agent only"
_SHOWN_STARTS = ("BUILDKITE", "CI", "PATH")
_HIDDEN = api.ACCESS_TOKEN.env[0]
_PASSWORD_HIDDEN = bootstrap.GIT_REMOTE_MIRROR.env[0]


def run(job: RunningJob) -> None:
    """Prepare the job. Raises ShellHookFailed with a hook's own exit code, any other error for what failed here."""
    environment.contribute(job)
    _report_ignored(job)
    if job.log.is_debug:
        _show_environment(job)
    if job.refreshed.checkout.is_v4:
        from bkagent.job.phases import host_key_checking

        host_key_checking.configure(job)
    secrets.run(job)
    environment.contribute(job, (environment.git_lfs,))
    hooks.run_agent(job, "environment")


def _report_ignored(job: RunningJob) -> None:
    names = [name for name in (job.get_env(IGNORED) or "").split(",") if name]
    if not names:
        return
    job.log.header("Detected protected environment variables")
    closed = [name for name in names if job.protection.drops(name)]
    for sentence, ignored in (
        (_OPEN_TO_HOOKS, [name for name in names if name not in closed]),
        (_CLOSED, closed),
    ):
        if ignored:
            job.log.comment(sentence)
        for name in ignored:
            job.log.warning(f"Ignored {name}")
    job.log.open_group()


def _show_environment(job: RunningJob) -> None:
    job.log.header("Buildkite environment variables")
    with job.session.lock:
        env = dict(job.session.env)
    for name in sorted(env):
        if name.startswith(_SHOWN_STARTS):
            job.log.plain(f"{name}={_masked(name, env[name])}")


def _masked(name: str, value: str) -> str:
    if name == _HIDDEN:
        return "*" * 18
    if name == _PASSWORD_HIDDEN:
        value = masked(value)
    return value.replace("\n", "\\n")
