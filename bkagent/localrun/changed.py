"""List the files that differ from the default branch, for `if_changed`."""

from __future__ import annotations

import os
from typing import List, Mapping, Optional

from bkagent.git import changed_files
from bkagent.localrun.repository import Git, Repository
from bkagent.localrun.snapshot import Snapshot

_BASES = ("origin/HEAD", "origin/main", "origin/master")


def paths(repository: Repository, work_snapshot: Snapshot, environ: Mapping[str, str]) -> "Optional[List[str]]":
    """Return the paths that what is run changes since it left the default branch of `origin`.

    Where it changes nothing, those of the newest commit. None where there is no such branch.
    """
    # The snapshot's own objects are beside the user's.
    borrowed = {"GIT_ALTERNATE_OBJECT_DIRECTORIES": os.path.join(work_snapshot.repository, "objects")}
    git = Git(repository.top, {**environ}, borrowed)
    base = next(filter(None, (_commit(git, name) for name in _BASES)), "")
    start = git.ask("merge-base", base, work_snapshot.plain) if base else ""
    if not start:
        return None
    if start == work_snapshot.plain:
        return changed_files.of_commit(git.out, start)
    return changed_files.since(git.out, start, work_snapshot.plain)


def _commit(git: Git, name: str) -> str:
    return git.ask("rev-parse", "--verify", "--quiet", name + "^{commit}")
