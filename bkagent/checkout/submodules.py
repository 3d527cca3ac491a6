"""Check out the submodules at the commits that the checkout records."""

from __future__ import annotations

import os
from functools import partial
from typing import List, Optional

from bkagent.checkout import host_keys
from bkagent.checkout.checkout_folder import enter
from bkagent.checkout.sparse import SparseCheckout
from bkagent.checkout.work import Work
from bkagent.git import commands, pinned
from bkagent.git.location import resolve_relative
from bkagent.git.outcome import GitFailed


def exist(work: Work) -> bool:
    """Return whether the working tree has submodules."""
    return os.path.exists(work.path(".gitmodules"))


def update(work: Work, selection: Optional[SparseCheckout]) -> bool:
    """Check out the submodules and return whether that was done. Raises GitFailed and what mirrors raise."""
    log, settings = work.session.log, work.settings
    if not exist(work):
        return False
    if selection is not None:
        log.warning("Submodule initialization skipped during sparse checkout", "submodules-init-skipped")
        return False
    if not settings.submodules:
        log.warning("This repository has submodules, but submodules are disabled", "submodules-disabled")
        return False
    log.comment("Git submodules detected")
    try:
        work.run(commands.sync_submodules())
    except GitFailed as failed:
        log.warning(f"Failed to synchronize the URLs of the submodules: {failed}")
    try:
        repositories = _repositories(work)
    except GitFailed as failed:
        log.warning(f"Failed to list the URLs of the submodules: {failed}")
        return False
    for repository in repositories:
        host_keys.add_host_keys(work, repository)
    if settings.mirrors_path:
        from bkagent.checkout.mirrors import mirrors

        for repository in repositories:
            mirror = mirrors.obtain(work, repository)
            enter(work.session)
            _update(work, mirror)
    else:
        _update(work, "")
    pinned.check_submodules(partial(work.capture, hidden=True))
    work.run(commands.in_submodules("git reset --hard"), doing="resetting submodules")
    return True


def _repositories(work: Work) -> List[str]:
    printed = work.capture(commands.submodule_urls())
    entries = [entry.partition("\n")[2] for entry in printed.split("\0")]
    return [resolve_relative(url, work.settings.repository) for url in entries if url]


def _update(work: Work, mirror: str) -> None:
    settings, borrowed_mirror = work.settings, work.borrowed_mirror
    work.borrowed_mirror = mirror
    dissociates = settings.mirror_mode == "dissociate"
    argv = commands.update_submodules(settings.submodule_clone_config, mirror, dissociates)
    work.run(argv, doing="updating submodules")
    work.borrowed_mirror = borrowed_mirror
