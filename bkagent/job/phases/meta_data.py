"""The two calls by which a checkout tells the control plane which commit it is."""

from __future__ import annotations

from typing import Callable, Tuple

from bkagent.job.job import RunningJob
from bkagent.job.phases import as_command


def functions(job: RunningJob) -> Tuple[Callable[[str], bool], Callable[[str, str], None]]:
    """Return what says whether a key of the build exists, and what sets one. Loaded and connected when called."""

    def exists(key: str) -> bool:
        return bool(as_command.run_as_command(job, ["meta-data", "exists", key], lambda: _exists(job, key)))

    def put(key: str, value: str) -> None:
        as_command.run_as_command(job, ["meta-data", "set", key], lambda: _set(job, key, value), stdin=value)

    return exists, put


def _exists(job: RunningJob, key: str) -> bool:
    from bkagent.remote.commands import meta_data

    return meta_data.exists(job.client, key, scope="jobs", id=job.own_id, wait=_wait(job), report=_quiet)


def _set(job: RunningJob, key: str, value: str) -> None:
    from bkagent.remote.commands import meta_data

    meta_data.set(job.client, job.own_id, key, value, wait=_wait(job), report=_quiet)


def _wait(job: RunningJob) -> Callable[[float], bool]:
    return job.session.cancellation.wait


def _quiet(level: str, text: str) -> None:
    """Say nothing: the checkout itself tells the log what came of it."""
