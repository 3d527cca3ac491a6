"""A working tree with only some folders of the repository."""

from __future__ import annotations

import os
from typing import List, NamedTuple, Optional, Sequence, Tuple

from bkagent.checkout.work import Work
from bkagent.git import commands, sparse_commands, version
from bkagent.git.flags import has_filter
from bkagent.git.outcome import GitFailed


class SparseCheckout(NamedTuple):
    """What a sparse checkout includes. `sets_mode`: this git's `sparse-checkout set` accepts the mode."""

    paths: Tuple[str, ...]
    cone: bool
    sets_mode: bool


def read_selection(work: Work) -> Optional[SparseCheckout]:
    """Return what to check out; None for everything, also if git is too old."""
    settings = work.settings
    if not settings.sparse_paths:
        return None
    git_version = version.parse(work.capture(version.command(), hidden=True)) or (0, 0)
    cone = settings.sparse_mode != "no-cone"
    minimum = version.SPARSE_CONE if cone else version.SPARSE_NO_CONE
    if git_version < minimum:
        mode = "" if cone else " in no-cone mode"
        work.session.log.warning(
            f"Sparse checkout{mode} requires git >= {minimum[0]}.{minimum[1]}, got {git_version[0]}.{git_version[1]}; "
            "falling back to full checkout"
        )
        return None
    return SparseCheckout(settings.sparse_paths, cone, git_version >= version.SPARSE_NO_CONE)


def clone_flags(work: Work, flags: Sequence[str]) -> List[str]:
    """Return the flags of a clone that fetches only what is included. Flags that the user gave are not added again."""
    all_flags = list(flags)
    kept = [flag for flag in ("--sparse",) if flag in flags]
    if "--sparse" not in flags:
        all_flags.append("--sparse")
    if has_filter(flags):
        kept.append("--filter")
    else:
        all_flags.append(commands.NO_BLOBS)
    for flag in kept:
        work.session.log.comment(f"Sparse checkout leaves {flag} of the git clone flags as given")
    return all_flags


def apply(work: Work, selection: Optional[SparseCheckout]) -> None:
    """Restrict the working tree to `selection`, or lift the restriction of an earlier job. Raises GitFailed."""
    if selection is None:
        _disable(work)
        return
    mode = "cone" if selection.cone else "no-cone"
    work.session.log.comment(f"Setting up sparse checkout ({mode} mode) for paths: {','.join(selection.paths)}")
    doing = "setting up sparse checkout"
    if selection.sets_mode:
        work.run(sparse_commands.select(selection.paths, selection.cone), doing=doing)
    else:
        work.run(sparse_commands.start_cone(), doing=doing)
        work.run(sparse_commands.select_in_mode(selection.paths), doing=doing)


def _disable(work: Work) -> None:
    git_dir = _git_dir(work)
    if not any(
        os.path.exists(os.path.join(git_dir, *names)) for names in (("info", "sparse-checkout"), ("config.worktree",))
    ):
        return
    if _output_of(work, sparse_commands.is_on()) != "true":
        return
    session = work.session
    session.log.comment("Disabling sparse checkout from previous build")
    try:
        work.run(sparse_commands.disable())
    except GitFailed as failed:
        session.log.warning(f"Could not disable sparse checkout: {failed}")
        return
    if _output_of(work, sparse_commands.worktree_settings()) == "":
        _output_of(work, sparse_commands.forget_worktree_settings())


def _git_dir(work: Work) -> str:
    """Return the folder that `.git` is, or that it points to."""
    path = work.path(".git")
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            key, _, target = file.read(4096).partition(":")
    except OSError:
        return path
    return os.path.normpath(os.path.join(work.session.cwd, target.strip())) if key == "gitdir" else path


def _output_of(work: Work, argv: Sequence[str]) -> Optional[str]:
    """Return what a git command prints, or None if it fails, usually for an unset value."""
    try:
        return work.capture(argv, hidden=True).strip()
    except GitFailed:
        return None
