"""One attempt at a checkout, from scratch or from the folder that an earlier job left.

Steps that few jobs need are imported where they run: the first checkout of an agent waits for every import.
"""

from __future__ import annotations

import os
from functools import partial
from shlex import quote
from typing import List

from bkagent.checkout import fetching, host_keys, reuse, sparse, submodules, verification
from bkagent.checkout.checkout_folder import enter, folder
from bkagent.checkout.checkout_settings import flags_of, words
from bkagent.checkout.mirrors import remote_mirror
from bkagent.checkout.mirrors.remote_mirror import MirrorSite
from bkagent.checkout.work import Work
from bkagent.config.options import api, bootstrap
from bkagent.errors import JobFailed
from bkagent.git import commands, outcome, pinned
from bkagent.git.outcome import GitFailed
from bkagent.git.references import is_well_formed
from bkagent.shell.prompt import command_line

_NO_TOKEN = "Skipping sending Git information to Buildkite as $BUILDKITE_AGENT_ACCESS_TOKEN is missing"


def attempt(work: Work, number: int) -> None:
    """Check out the job's commit. `number` counts attempts from 0.

    Raises GitFailed, JobFailed, CheckoutLockExpired, Cancelled.
    """
    work.borrowed_mirror = ""
    is_fresh = not os.path.lexists(os.path.join(folder(work.session), ".git"))
    work.remote = remote_mirror.choose(work.settings, folder(work.session), is_first_attempt=number == 0)
    try:
        host_keys.add_host_keys(work, work.settings.repository)
        if work.settings.ssh_key.strip():
            from bkagent.checkout import ssh_key

            with ssh_key.use_key(work):
                _check_out(work)
        else:
            _check_out(work)
    except GitFailed as failed:
        if is_fresh and work.borrowed_mirror and failed.is_of_damage:
            # What was cloned just now is whole, so that what it borrows is not.
            work.suspects.add(work.borrowed_mirror)
        raise
    finally:
        work.session.log.comment(work.remote.summary())


def _check_out(work: Work) -> None:
    session, settings = work.session, work.settings
    mirror = work.borrowed_mirror = _obtain_mirror(work)
    enter(session)
    selection = sparse.read_selection(work)
    if os.path.lexists(work.path(".git")):
        reuse.prepare(work, mirror)
    else:
        _clone(work, mirror, selection)
    if submodules.exist(work):
        _clean_submodules(work, "cleaning git submodules")
    _clean(work, "cleaning git repository")
    if settings.lfs:
        from bkagent.checkout import large_files

        session.log.comment("Installing Git LFS filter")
        large_files.install(work)
    fetching.fetch(work, selection)
    verification.verify(work)
    sparse.apply(work, selection)
    _check_out_commit(work)
    has_submodules = submodules.update(work, selection)
    if settings.lfs:
        large_files.check_out(work, selection)
    session.log.comment("Cleaning again to catch any post-checkout changes")
    _clean(work, "cleaning repository post-checkout")
    if has_submodules:
        _clean_submodules(work, "cleaning submodules post-checkout")
    if not session.env.get(api.ACCESS_TOKEN.env[0]):
        session.log.warning(_NO_TOKEN)
    if settings.resolves_commit:
        _resolve_commit(work)


def _obtain_mirror(work: Work) -> str:
    if not work.settings.mirrors_path:
        return ""
    from bkagent.checkout.mirrors import mirrors

    return mirrors.obtain(work)


def _clone(work: Work, mirror: str, selection: "sparse.SparseCheckout | None") -> None:
    flags = flags_of("git-clone-flags", work.settings.clone_flags)
    if mirror:
        flags += ["--reference", mirror]
        if work.settings.mirror_mode == "dissociate":
            flags.append("--dissociate")
    if selection is not None:
        flags = sparse.clone_flags(work, flags)
    if work.remote.awaits(MirrorSite.FRESH):
        from bkagent.checkout.mirrors import remote_clone  # few jobs have such a copy

        if remote_clone.clone(work, flags):
            return
    work.run(commands.clone(flags, work.settings.repository), outcome.CLONE, doing="cloning git repository")


def _clean(work: Work, doing: str) -> None:
    work.run(commands.clean(words(work.settings.clean_flags, doing)), outcome.CLEAN, doing=doing)


def _clean_submodules(work: Work, doing: str) -> None:
    clean = " ".join(map(quote, commands.clean(words(work.settings.clean_flags, doing))))
    work.run(commands.in_submodules(clean), outcome.CLEAN_SUBMODULES, doing=doing)


def _check_out_commit(work: Work) -> None:
    commit = work.settings.commit
    reference = pinned.FETCHED if commit == "HEAD" else commit
    doing = "checking out FETCH_HEAD" if commit == "HEAD" else f'checking out commit "{reference}"'
    if not is_well_formed(reference):
        raise JobFailed(f'{doing}: "{reference}" is not a valid git ref format', 1)
    flags = words(work.settings.checkout_flags, doing)
    shown = command_line(commands.checkout(flags, reference))
    plain_id = pinned.plain_id(reference, work.path(".git"), work.session.child_env())
    revision = plain_id or _look_up(work, reference, doing)
    try:
        work.run(commands.checkout(flags, *revision), outcome.CHECKOUT, doing=doing, shown=shown)
    except GitFailed as failed:
        if plain_id and not failed.signal and not work.session.cancellation.requested:
            _look_up(work, reference, doing)  # it says why where the commit itself is to blame
        raise


def _look_up(work: Work, reference: str, doing: str) -> List[str]:
    try:
        return pinned.revision(reference, work.session.cwd, partial(work.capture, hidden=True))
    except GitFailed as failed:
        raise failed.within(doing) from failed


def _resolve_commit(work: Work) -> None:
    session, commit = work.session, work.settings.commit
    if not work.settings.is_v4:
        session.log.comment("Using resolve-commit-after-checkout experiment 🧪")
    try:
        resolved = work.capture(commands.resolve(commit)).strip()
    except GitFailed as failed:
        session.log.warning(f"Could not resolve the commit that was checked out: {failed}")
        return
    if resolved and resolved != commit:
        session.log.comment(f'Updating BUILDKITE_COMMIT from "{commit}" to "{resolved}"')
        with session.lock:
            session.env[bootstrap.COMMIT.env[0]] = resolved
