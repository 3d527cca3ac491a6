"""Bare copies of repositories that the machine's checkouts borrow objects from, updated under locks.

Every job of the machine can write to it, so that no hook in it runs, and one whose configuration is not that of a clone
is not used.
"""

from __future__ import annotations

import os
from typing import List

from bkagent.checkout import fetching, reuse, staging
from bkagent.checkout.checkout_folder import make_folder
from bkagent.checkout.checkout_settings import flags_of, words
from bkagent.checkout.mirrors import lock, mirror_settings
from bkagent.checkout.mirrors.remote_mirror import MirrorOutcome, MirrorSite
from bkagent.checkout.work import Work
from bkagent.errors import CheckoutLockExpired, JobFailed
from bkagent.git import commands, outcome
from bkagent.git.location import mirror_folder
from bkagent.git.outcome import GitFailed, Kind
from bkagent.system import unguessable
from bkagent.system.tree_removal import remove_tree

VARIABLE = "BUILDKITE_REPO_MIRROR"
# The address of a submodule comes from a repository: git then allows fewer transports, neither local folders nor
# helpers unless protocol.*.allow says `always`. Source: git's Documentation/git.txt, GIT_PROTOCOL_FROM_USER.
_NOT_FROM_USER = {"GIT_PROTOCOL_FROM_USER": "0"}


def obtain(work: Work, submodule: str = "") -> str:
    """Return the folder of an up-to-date mirror, "" if none is usable.

    Of the job's repository, whose commit is looked for; or of a `submodule`'s, which is fetched whole. Leaves the
    session in the mirrors' folder. Raises GitFailed, JobFailed, CheckoutLockExpired, Cancelled.
    """
    work, settings = work.without_hooks(_NOT_FROM_USER if submodule else {}), work.settings
    repository = submodule or settings.repository
    folder = os.path.join(os.path.abspath(settings.mirrors_path), mirror_folder(repository))
    if settings.mirrors_skip_update:
        folder = _existing_mirror(work, repository, folder)
    else:
        doing = "getting/updating mirror dir for submodules" if submodule else "getting/updating git mirror"
        try:
            folder = _obtain(work, repository, folder, is_submodule=bool(submodule))
        except GitFailed as failed:
            raise failed.within(doing) from failed
        except JobFailed as failed:
            raise JobFailed(f"{doing}: {failed}", failed.exit_code) from failed
    if not submodule:
        with work.session.lock:
            work.session.env[VARIABLE] = folder
    return folder


def _obtain(work: Work, repository: str, folder: str, *, is_submodule: bool) -> str:
    try:
        if not _bring_up_to_date(work, repository, folder, is_submodule=is_submodule):
            return ""
    except lock.NoLocks as problem:
        # Without locks two jobs could write to one mirror at once; a clone without it only takes longer.
        work.session.log.warning(f"The git mirror is not used: {problem}")
        return ""
    except CheckoutLockExpired:
        if is_submodule or not work.remote.awaits(MirrorSite.ON_HOST):
            raise
        # Others may be at work on it for long, with a copy that this job could do without.
        work.remote.outcome = MirrorOutcome.TIMEOUT
        work.session.log.comment("The git mirror is still locked by another job; continuing without it")
        return ""
    is_private = work.settings.clean_first and work.settings.runs_command and not is_submodule
    return _snapshot(work, folder) if is_private else folder


def _existing_mirror(work: Work, repository: str, folder: str) -> str:
    log = work.session.log
    log.comment(f"Skipping update and using existing mirror for repository {repository} at {folder}.")
    if os.path.isdir(folder):
        try:
            is_whole = folder not in work.suspects
            if is_whole and not _is_usable(work, folder):
                return ""
        except GitFailed:
            is_whole = False
        if not is_whole:
            log.warning(f'The git mirror "{folder}" is damaged and not used; remove it, or let a job update it')
        return folder if is_whole else ""
    log.comment(f"No existing mirror found for repository {repository} at {folder}.")
    return ""


def _is_usable(work: Work, folder: str) -> bool:
    """Return whether a mirror's configuration allows its use; warn if not."""
    reason = mirror_settings.unexpected(work, folder)
    if reason:
        work.session.log.warning(
            f'The git mirror "{folder}" is not used: {reason}, which no clone writes; remove that or the mirror'
        )
    return not reason


def _bring_up_to_date(work: Work, repository: str, folder: str, *, is_submodule: bool) -> bool:
    """Clone or update a mirror; return whether it can be used."""
    above = os.path.dirname(folder)
    make_folder(work.session, above)
    if work.session.cwd != above:
        work.session.chdir(above)
    with lock.hold(work, folder, lock.CLONE):
        staging.clear(work.session, folder)
        if not os.path.isdir(folder):
            _clone(work, repository, folder, is_submodule)
            return True
    with lock.hold(work, folder, lock.UPDATE):
        try:
            if folder in work.suspects:
                raise GitFailed("checkouts that borrow from it fail", 1, Kind.DAMAGED)
            if not _is_usable(work, folder):
                return False
            _update(work, repository, folder, is_submodule)
        except GitFailed as failed:
            _renew(work, repository, folder, failed)
    return True


def _renew(work: Work, repository: str, folder: str, failed: GitFailed) -> None:
    """Create a mirror again if `failed` says that it is damaged, once per checkout. Raises GitFailed, JobFailed."""
    is_damaged = failed.is_of_damage or failed.kind is Kind.IN_THE_WAY
    if not is_damaged or folder in work.renewed:
        raise failed
    from bkagent.checkout.mirrors import renewal  # few jobs need it

    work.session.log.warning(f'The git mirror "{folder}" is damaged ({failed}); creating it again')
    work.renewed.add(folder)
    work.suspects.discard(folder)
    try:
        renewal.renew(work, repository, folder)
    except OSError as error:
        raise JobFailed(f'the damaged git mirror "{folder}" cannot be replaced: {error.strerror}', 1) from error


def _clone(work: Work, repository: str, folder: str, is_submodule: bool) -> None:
    work.session.log.comment(f'Cloning a mirror of the repository to "{folder}"')
    if not is_submodule and work.remote.awaits(MirrorSite.ON_HOST):
        from bkagent.checkout.mirrors import remote_clone  # few jobs have such a copy

        if remote_clone.make_mirror(work, repository, folder):
            return
    flags = flags_of("git-clone-mirror-flags", work.settings.clone_mirror_flags)
    is_whole = False
    try:
        work.run(commands.clone_mirror(flags, repository, folder), outcome.CLONE)
        is_whole = True
    finally:
        if not is_whole and os.path.lexists(folder):
            # The next job would use it as a mirror.
            work.session.log.comment(f'Removing mirror dir "{folder}" due to failed clone')
            remove_tree(folder)


def _update(work: Work, repository: str, folder: str, is_submodule: bool) -> None:
    log, commit = work.session.log, work.settings.commit
    is_there = False
    if not is_submodule:
        is_there = work.has_commit(commit, folder)
        if is_there:
            log.comment(f'Commit "{commit}" exists in mirror')
        else:
            log.comment(f"Updating existing repository mirror to find commit {commit}")
    try:
        has_moved = reuse.point_origin(work, folder, folder, repository)
    except GitFailed as problem:
        # Nothing but the mirror itself was asked.
        raise problem if problem.signal or problem.kind is Kind.HELD else problem.of_kind(Kind.DAMAGED) from problem
    if is_submodule:
        work.run(commands.fetch_default(folder), outcome.FETCH)
    elif not is_there and not _fetch_from_copy(work, folder):
        _fetch(work, folder)
    if has_moved:
        _maintain(work, commands.check_objects(folder))
        _maintain(work, commands.collect_garbage(folder))


def _fetch_from_copy(work: Work, folder: str) -> bool:
    """Fetch the commit from the control plane's copy of the repository, if it offers one; return whether it had it."""
    if not work.remote.awaits(MirrorSite.ON_HOST):
        return False
    from bkagent.checkout.mirrors import remote_probe  # few jobs have such a copy

    return remote_probe.update_mirror(work, folder)


def _fetch(work: Work, folder: str) -> None:
    settings, log = work.settings, work.session.log
    if settings.refspec:
        log.comment(f"Fetching and mirroring custom refspec {settings.refspec}")
        argv = commands.fetch([], words(settings.refspec, "splitting the refspec"), folder)
        fetching.run(work, argv, fetching.ONCE, doing="")
    elif fetching.is_github_pull_request(work):
        what = "merge commit" if settings.uses_merge_refspec else "head"
        log.comment(f"Fetching and mirroring pull request {what} from GitHub")
        argv = commands.fetch([], [fetching.pull_request_refspec(work)], folder)
        with fetching.hint_at_conflict(work):
            fetching.run(work, argv, fetching.pull_request_schedule(work), doing="")
    else:
        fetching.fetch_branch(work, [], folder, doing="")


def _maintain(work: Work, argv: List[str]) -> None:
    try:
        work.run(argv)
    except GitFailed as failed:
        work.session.log.warning(f"Couldn't run git {argv[-1]}: {failed}")


def _snapshot(work: Work, folder: str) -> str:
    """Copy a mirror for one job: a clean checkout must not depend on later changes of the mirror."""
    above = os.path.join(os.path.dirname(folder), "snapshots")
    make_folder(work.session, above)
    copy = os.path.join(above, f"{os.path.basename(folder)}{unguessable.below(10**10)}")
    try:
        os.mkdir(copy, 0o700)
    except OSError as error:
        raise JobFailed(f'cannot make the folder "{copy}": {error.strerror}', 1) from error
    work.remember(copy)
    work.session.log.comment(f'Creating mirror snapshot in "{copy}"')
    try:
        work.run(commands.clone_mirror([], folder, copy), outcome.CLONE)
    except GitFailed as failed:
        if failed.is_of_damage and folder not in work.renewed:
            work.suspects.add(folder)
        raise
    return copy
