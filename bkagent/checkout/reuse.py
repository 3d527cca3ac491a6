"""Reuse a checkout that an earlier job left."""

from __future__ import annotations

import os

from bkagent.checkout.work import Work
from bkagent.errors import JobFailed
from bkagent.git import commands, outcome, plain_config
from bkagent.git.outcome import GitFailed


def prepare(work: Work, mirror: str) -> None:
    """Point the clone to the job's repository and let it borrow from `mirror`, or from none. Raises GitFailed."""
    config = plain_config.read(work.path(".git"), work.session.child_env())
    if config is None or config.origin_urls != [work.settings.repository]:
        point_origin(work, work.session.cwd)
    if work.settings.mirrors_path:
        _borrow(work, mirror)


def point_origin(work: Work, shown_folder: str, git_dir: str = "", repository: str = "") -> bool:
    """Set the URL of `origin` to the repository's; return whether it changed. Raises GitFailed."""
    repository = repository or work.settings.repository
    session = work.session
    try:
        former = work.capture(commands.origin_urls(git_dir)).strip()
        if "\n" in former:
            former = work.capture(commands.origin_url(git_dir)).strip()
    except GitFailed as failed:
        raise failed.within("setting origin") from failed
    if former == repository:
        return False
    session.log.comment(f"Remote URL for git directory {shown_folder} has changed ({former} -> {repository})!")
    session.log.comment("This is usually because the repository has been renamed.")
    session.log.comment("If this is unexpected, you may see failures.")
    work.run(commands.set_origin(repository, git_dir), doing="setting origin")
    return True


def _borrow(work: Work, mirror: str) -> None:
    alternates = work.path(".git", "objects", "info", "alternates")
    borrows = os.path.exists(alternates)
    session = work.session
    if mirror and work.settings.mirror_mode == "reference":
        if not borrows:
            session.log.comment('Re-associating existing clone because git mirror checkout mode is "reference"')
            _write_alternates(alternates, mirror)
    elif borrows:
        mode = work.settings.mirror_mode
        session.log.comment(f'Dissociating existing reference clone because git mirror checkout mode is "{mode}"')
        work.run(commands.repack(), outcome.REPACK, doing="repacking git repository")
        os.unlink(alternates)


def _write_alternates(path: str, mirror: str) -> None:
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(os.path.join(mirror, "objects") + "\n")
    except OSError as error:
        raise JobFailed(f"cannot write {path}: {error.strerror}", 1) from error
