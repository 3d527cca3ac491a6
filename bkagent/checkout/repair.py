"""Repairs between a failed git command and its retry: stale locks and conflicting branches."""

from __future__ import annotations

from typing import Callable, List, Sequence

from bkagent.checkout import stale_locks
from bkagent.git import commands
from bkagent.git.outcome import OTHER, GitFailed, Judge, Kind
from bkagent.shell.session import Session

RunGit = Callable[[Sequence[str], Judge], None]


def prepare_another_try(
    session: Session, git_dir: str, run_git: RunGit, argv: Sequence[str], failed: GitFailed
) -> None:
    """Remove what made `argv` fail, in the repository of `git_dir` or the one that `argv` names.

    Raises GitFailed, `failed` itself if nothing can be removed.
    """
    if failed.kind not in (Kind.LOCKED, Kind.IN_THE_WAY) or "clone" in argv:
        raise failed
    is_shared = "--git-dir" in argv
    git_dir = argv[argv.index("--git-dir") + 1] if is_shared else git_dir
    locks = stale_locks.clear(session, git_dir, is_shared=is_shared)
    if failed.kind is Kind.IN_THE_WAY:
        session.log.comment("Deleted remote branches conflict with new ones")
        for prune in _prune_commands(argv, git_dir if is_shared else ""):
            run_git(prune, OTHER)
    elif locks.why_left:
        # A checkout is the job's own, so that it may go with its lock; a mirror is not.
        kind = Kind.HELD if locks.is_held or is_shared else Kind.LOCKED
        raise GitFailed(f"{failed}: {locks.why_left}", failed.exit_code, kind, failed.was_retried)
    elif not locks.removed_count:
        raise failed


def _prune_commands(argv: Sequence[str], git_dir: str) -> List[List[str]]:
    if "submodule" in argv:
        return [commands.in_submodules("git remote prune origin || :")]
    return [commands.prune_origin(git_dir)]
