"""Get the code: the hooks around the checkout, and the checkout itself."""

from __future__ import annotations

from bkagent.checkout import checkout_folder
from bkagent.config import paths
from bkagent.config.variables.protected_variables import CHECKOUT_PATH
from bkagent.errors import ConfigError, JobFailed
from bkagent.job.job import RunningJob
from bkagent.job.phases import git_credentials, hooks, meta_data
from bkagent.system import private_folder


def run(job: RunningJob) -> None:
    """Run the phase. Raises JobFailed, or another AgentError."""
    hooks.run_agent(job, "pre-checkout")
    hooks.run_plugins(job, "pre-checkout")
    git_credentials.follow_repository(job)
    if job.refreshed.checkout.clean_first:
        from bkagent.checkout.run import remove_old

        remove_old(job.session)
    job.log.header("Preparing working directory")
    if not job.refreshed.checkout.repository:
        _use_temporary_folder(job)
    _enter(job)
    if job.refreshed.checkout.skip:
        job.log.comment("Skipping checkout, BUILDKITE_SKIP_CHECKOUT is set")
    else:
        _refuse_repository(job)
        _check_out(job)
    before = _path(job)
    hooks.run_all(job, "post-checkout")
    if _path(job) != before:
        job.log.header(f'A post-checkout hook has changed the working directory to "{_path(job)}"')
        job.session.chdir(_path(job))


def _refuse_repository(job: RunningJob) -> None:
    """Raise JobFailed for a repository that the agent's owner does not allow: hooks may have changed it since."""
    repository = job.refreshed.checkout.repository
    if not job.allowed_repositories or not repository:
        return
    # Loaded here: most agents allow every repository.
    from bkagent.git.allow_list import allow_list

    problem = allow_list(job.allowed_repositories).problem_of_address(repository)
    if problem:
        raise JobFailed(f"failed to validate repo: {problem}", 1)


def _check_out(job: RunningJob) -> None:
    # Loaded here: jobs that check nothing out do not pay for it.
    from bkagent.checkout import commit_metadata
    from bkagent.checkout import run as checkout_run

    if not (hooks.run_plugins(job, "checkout") or hooks.run_agent(job, "checkout")):
        helper = git_credentials.helper(job)
        checkout_run.check_out(job.session, job.refreshed.checkout, job.temporary.append, helper)
    job.hooks_root = _path(job)
    if job.refreshed.checkout.skip:  # a checkout hook has asked to skip the checkout
        return
    commit_metadata.send(job.session, job.refreshed.checkout, *meta_data.functions(job))


def open_existing(job: RunningJob) -> None:
    """Use the existing checkout of a job that checks nothing out; stay in the current folder if it is missing.

    Repository hooks are looked for there: an earlier job may have checked it out.
    """
    path = job.get_env(CHECKOUT_PATH)
    if path is not None:
        try:
            job.session.chdir(path)
        except JobFailed:
            pass  # as in the reference; the log shows where the job wanted to go
    job.hooks_root = job.session.cwd


def _use_temporary_folder(job: RunningJob) -> None:
    try:
        folder = private_folder.make_temporary(f"buildkite-job-{job.settings.job_id}-", paths.temporary(job.environ))
    except ConfigError as error:
        raise JobFailed(f"no folder for a checkout: {error}", 1) from error
    job.temporary.append(folder)
    job.set_env(CHECKOUT_PATH, folder)


def _enter(job: RunningJob) -> None:
    checkout_folder.enter(job.session)
    job.hooks_root = _path(job)


def _path(job: RunningJob) -> str:
    return job.get_env(CHECKOUT_PATH) or ""
