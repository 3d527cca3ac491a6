"""The variables that say how a job's repository is checked out, and that a job may be allowed to change."""

from __future__ import annotations

from typing import Dict

from bkagent.agent.jobs.job_start import JobStart

SPARSE_NAMES = ("BUILDKITE_GIT_SPARSE_CHECKOUT_PATHS", "BUILDKITE_GIT_SPARSE_CHECKOUT_MODE")


def checkout(context: JobStart) -> Dict[str, str]:
    """Return the checkout's settings.

    The four of `_one_sided` appear only where they say something: a missing one leaves the job's own value.
    """
    settings = context.settings.checkout
    values = {
        "GIT_CHECKOUT_FLAGS": settings.checkout_flags, "GIT_CLONE_FLAGS": settings.clone_flags,
        "GIT_FETCH_FLAGS": settings.fetch_flags, "GIT_SPARSE_CHECKOUT_PATHS": ",".join(settings.sparse_paths),
        "GIT_SPARSE_CHECKOUT_MODE": settings.sparse_mode or "cone", "GIT_CLEAN_FLAGS": settings.clean_flags,
        "GIT_COMMIT_VERIFICATION": settings.commit_verification,
    }  # fmt: skip
    return {"BUILDKITE_" + name: value for name, value in {**_one_sided(context), **values}.items()}


def _one_sided(context: JobStart) -> Dict[str, str]:
    settings = context.settings.checkout
    strict = settings.override_mode == "strict"
    values: Dict[str, str] = {}
    if strict or not settings.submodules:
        values["GIT_SUBMODULES"] = "true" if settings.submodules else "false"
    if strict or settings.skip:
        values["SKIP_CHECKOUT"] = "true" if settings.skip else "false"
    if strict or settings.skip_fetch_existing_commits:
        values["GIT_SKIP_FETCH_EXISTING_COMMITS"] = "true" if settings.skip_fetch_existing_commits else "false"
    if strict or settings.timeout_s > 0:
        values["GIT_CHECKOUT_TIMEOUT"] = str(settings.timeout_s)
    return values
