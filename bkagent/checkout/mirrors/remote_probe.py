"""Fetch one commit from the control plane's copy of the repository, for a checkout or a mirror of this machine."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import Iterator, List, Sequence

from bkagent.checkout import promisor
from bkagent.checkout.mirrors.remote_mirror import MirrorOutcome, branch_component
from bkagent.checkout.work import Work
from bkagent.errors import Cancelled, JobFailed
from bkagent.git import commands, outcome
from bkagent.git.flags import has_filter
from bkagent.git.outcome import GitFailed, Kind
from bkagent.shell.time_limit import time_limit

PROBE_LIMIT_S = 30.0


def fetch(work: Work, flags: Sequence[str]) -> bool:
    """Fetch the commit into an existing checkout; return whether it has it now. Raises GitFailed, Cancelled."""
    remote, log = work.remote, work.session.log
    try:
        fetch_flags = _with_filter(work, flags)
        if promisor.is_configured(work, remote.url):
            remote.skip("url-config-conflict")
            log.comment("This checkout has settings for the remote Git mirror; fetching from the repository")
            return False
        promisor.mark(work, remote.url)
    except GitFailed as failed:
        stop_if_cancelled(work, failed)
        remote.outcome = MirrorOutcome.ERROR
        log.warning("The remote Git mirror cannot be used with this checkout; fetching from the repository")
        return False
    log.comment("Fetch commit from remote Git mirror")
    try:
        probe(work, ".git", fetch_flags, work.settings.commit)
    finally:
        promisor.hand_over(work, remote.url)
    return remote.is_hit


def update_mirror(work: Work, mirror: str) -> bool:
    """Fetch the commit into a mirror of this machine; return whether it has it now. Raises GitFailed, Cancelled."""
    commit = work.settings.commit
    # Kept by a ref: git would drop what none leads to.
    kept = f"+{commit}:refs/buildkite-agent/remote-mirror/{branch_component(work.settings.branch)}"
    probe(work, mirror, ["--no-tags"], kept)
    return work.remote.is_hit


def probe(work: Work, git_dir: str, flags: Sequence[str], refspec: str) -> None:
    """Fetch one commit, once and within a time limit, and record the outcome. Raises what cancels the job."""
    remote, commit = work.remote, work.settings.commit
    argv = commands.with_settings(commands.fetch_from(remote.url, flags, [refspec], git_dir), settings_of(work))
    with measure(work), time_limit(work.session, PROBE_LIMIT_S) as limit:
        try:
            work.run(argv, outcome.FETCH, shown="")
            fetch_outcome = MirrorOutcome.HIT if work.has_commit(commit, git_dir) else MirrorOutcome.MISS
        except (JobFailed, Cancelled) as failed:
            if limit.outer.requested:
                raise
            is_absent = isinstance(failed, GitFailed) and failed.kind is Kind.NOT_ON_REMOTE
            fetch_outcome = MirrorOutcome.MISS if is_absent else MirrorOutcome.ERROR
        remote.outcome = MirrorOutcome.TIMEOUT if limit.expired else fetch_outcome


def settings_of(work: Work) -> List[str]:
    """Return git's settings for the copy: its own credentials, none of the repository's."""
    return [
        "credential.useHttpPath=true",
        "credential.helper=",
        f"credential.helper={work.credential_helper}",
        "http.extraHeader=",
        "protocol.version=2",
    ]


def _with_filter(work: Work, flags: Sequence[str]) -> List[str]:
    """Return the flags, with the filter of a partial clone, which git remembers for `origin` alone."""
    if has_filter(flags) or any(word.startswith("--no-fi") for word in flags):
        return list(flags)
    remembered = promisor.setting(work, "remote.origin.partialclonefilter")
    return [*flags, f"--filter={remembered}"] if remembered else list(flags)


def stop_if_cancelled(work: Work, failed: Exception) -> None:
    """Raise the failure of a step if the job is being cancelled: then no fallback is tried."""
    if work.session.cancellation.requested or isinstance(failed, Cancelled):
        raise failed


@contextmanager
def measure(work: Work) -> Iterator[None]:
    """Measure how long the copy is used."""
    started = time.monotonic()
    try:
        yield
    finally:
        work.remote.duration_s = time.monotonic() - started
