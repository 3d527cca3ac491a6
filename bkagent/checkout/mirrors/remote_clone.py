"""Clone from the control plane's copy of the repository: a checkout, or a mirror of this machine."""

from __future__ import annotations

import os
from typing import List, Sequence

from bkagent.checkout import removal, staging
from bkagent.checkout.checkout_folder import enter, folder
from bkagent.checkout.checkout_settings import flags_of
from bkagent.checkout.mirrors.remote_mirror import MirrorOutcome
from bkagent.checkout.mirrors.remote_probe import measure, settings_of, stop_if_cancelled
from bkagent.checkout.work import Work
from bkagent.errors import Cancelled, JobFailed
from bkagent.git import commands, outcome
from bkagent.git.outcome import GitFailed, Kind
from bkagent.system import renaming

_FALLBACK = "The remote Git mirror could not be cloned; cloning from the repository"


def clone(work: Work, flags: Sequence[str]) -> bool:
    """Clone the checkout from the copy. Return False if that failed and the folder is empty again."""
    remote, commit = work.remote, work.settings.commit
    try:
        with measure(work):
            _run_clone(work, commands.clone(flags, remote.url))
            work.run(commands.set_origin(work.settings.repository), doing="setting origin")
            is_shallow = work.capture(commands.is_shallow()).strip() == "true"
            has_commit = work.has_commit(commit, ".git")
    except (JobFailed, Cancelled) as failed:
        stop_if_cancelled(work, failed)
        remote.outcome = _outcome_of(failed)
        _start_over(work, _FALLBACK)
        return False
    # A commit that is borrowed looks as if the copy had it; and history that the copy cut off stays cut off there.
    remote.outcome = MirrorOutcome.HIT if has_commit and not (is_shallow and _borrows(work)) else MirrorOutcome.MISS
    if remote.outcome is MirrorOutcome.MISS and is_shallow:
        _start_over(work, "The remote Git mirror is out of date and the clone is shallow; cloning from the repository")
        return False
    return True


def make_mirror(work: Work, repository: str, mirror: str) -> bool:
    """Clone a mirror of this machine from the copy; return whether it exists. Raises GitFailed, Cancelled.

    It is created beside its final path and renamed when complete, as other agents share it.
    """
    remote, unfinished = work.remote, staging.folder_of(mirror)
    flags = flags_of("git-clone-mirror-flags", work.settings.clone_mirror_flags)
    try:
        with measure(work):
            os.mkdir(unfinished)
            _run_clone(work, commands.clone_mirror(flags, remote.url, unfinished))
            work.run(commands.set_origin(repository, unfinished), doing="setting origin")
            has_commit = work.has_commit(work.settings.commit, unfinished)
            renaming.rename(unfinished, mirror)
    except (OSError, JobFailed, Cancelled) as failed:
        staging.clear(work.session, mirror)
        stop_if_cancelled(work, failed)
        remote.outcome = _outcome_of(failed)
        work.session.log.comment(_FALLBACK)
        return False
    remote.outcome = MirrorOutcome.HIT if has_commit else MirrorOutcome.MISS
    return True


def _run_clone(work: Work, argv: List[str]) -> None:
    """Clone, unless it is too slow for too long: a full clone has no time limit."""
    slow = ["http.lowSpeedLimit=1000", "http.lowSpeedTime=60"]
    work.run(commands.with_settings(argv, settings_of(work) + slow), outcome.CLONE, shown="")


def _borrows(work: Work) -> bool:
    ambient = work.session.child_env().get("GIT_ALTERNATE_OBJECT_DIRECTORIES")
    return bool(ambient) or os.path.exists(work.path(".git", "objects", "info", "alternates"))


def _outcome_of(failed: Exception) -> MirrorOutcome:
    is_slow = isinstance(failed, GitFailed) and failed.kind is Kind.CLONE_TIMEOUT
    return MirrorOutcome.TIMEOUT if is_slow else MirrorOutcome.ERROR


def _start_over(work: Work, why: str) -> None:
    removal.remove(work.session, folder(work.session))
    enter(work.session)
    work.session.log.comment(why)
