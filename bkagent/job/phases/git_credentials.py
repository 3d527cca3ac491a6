"""Let git ask the control plane for the password of the job's repository, where the pipeline has that turned on."""

from __future__ import annotations

from bkagent.config.launching import self_command
from bkagent.job.job import RunningJob

OF_PROVIDER = "BUILDKITE_USE_REPOSITORY_PROVIDER_GIT_CREDENTIALS"
OF_GITHUB_APP = "BUILDKITE_USE_GITHUB_APP_GIT_CREDENTIALS"
_SSH, _HTTPS = "git@github.com:", "https://github.com/"


def is_enabled(job: RunningJob) -> bool:
    """Whether the job has them turned on."""
    return "true" in (job.get_env(OF_PROVIDER), job.get_env(OF_GITHUB_APP))


def helper(job: RunningJob) -> str:
    """Return the value of git's credential.helper that asks the control plane, through our command."""
    program = self_command.launcher_path(job.launchers).replace("\\", "/")
    in_quotes = program.replace("'", "'\\''")
    return f"!'{in_quotes}' git-credentials-helper"


def configure(job: RunningJob) -> None:
    """Name our helper in the user's git configuration, before any hook may clone. Raises JobFailed."""
    _set(job, "credential.useHttpPath", "true")
    _set(job, "credential.helper", helper(job))
    if job.get_env(OF_GITHUB_APP) == "true":
        _use_https(job)
        job.refreshed.checkout = job.refreshed.checkout.replaced(scans_host_keys=False)


def follow_repository(job: RunningJob) -> None:
    """Reach a repository that is named by SSH over HTTPS, once hooks have had their say about it. Raises JobFailed."""
    checkout = job.refreshed.checkout
    if job.get_env(OF_PROVIDER) == "true" and checkout.repository.startswith(_SSH) and not checkout.reached_by_https:
        _use_https(job)


def _use_https(job: RunningJob) -> None:
    _set(job, f"url.{_HTTPS}.insteadOf", _SSH)
    job.refreshed.checkout = job.refreshed.checkout.replaced(reached_by_https=_SSH)


def _set(job: RunningJob, name: str, value: str) -> None:
    job.session.capture(["git", "config", "--global", name, value])
