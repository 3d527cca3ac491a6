"""Put what is on disk into a commit that jobs can check out, leaving the user's repository untouched.

The commit is made with an index and an object folder of its own (the user's objects are read through
`alternates`), so that index, objects, refs and stash of the user stay as they are.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import Dict, Mapping, Tuple

from bkagent.localrun.repository import DETACHED, Git, Repository

_NAME = "bkagent local run"
_EMAIL = "local-run@bkagent.invalid"


@dataclass(frozen=True)
class Snapshot:
    """What the jobs check out: a bare repository and a commit. `changed_count` files differ from HEAD.

    `left_out` are folders that are git repositories of their own, whose files no commit of this one can hold.
    """

    repository: str
    commit: str
    changed_count: int
    left_out: Tuple[str, ...] = ()


def take(found: Repository, data: str, environ: Mapping[str, str], *, committed: bool) -> Snapshot:
    """Return the snapshot of the work tree, or with `committed` of HEAD alone. Raises AgentError from git."""
    bare = os.path.join(data, "repo.git")
    git = Git(found.top, environ)
    if not os.path.exists(os.path.join(bare, "HEAD")):
        git.out("init", "--quiet", "--bare", bare)
    _borrow(bare, found)
    left_out: "Tuple[str, ...]" = ()
    if committed:
        commit, changed_count = found.head, 0
    else:
        commit, changed_count = _commit_work_tree(git, found, bare, os.path.join(data, "index"))
        left_out = _repositories_within(git, found, os.path.join(data, "index"))
    ref = "refs/heads/" + (found.branch if found.branch != DETACHED else "detached")
    git.out("--git-dir", bare, "update-ref", ref, commit)
    git.out("--git-dir", bare, "symbolic-ref", "HEAD", ref)
    return Snapshot(bare, commit, changed_count, left_out)


def _repositories_within(git: Git, found: Repository, index: str) -> "Tuple[str, ...]":
    """Return the folders that git takes for other repositories and no `.gitmodules` tells where to get."""
    staged = git.out("ls-files", "--stage", "-z", more={"GIT_INDEX_FILE": index}).split("\0")
    links = [entry.partition("\t")[2] for entry in staged if entry.startswith("160000 ")]
    if not links:
        return ()
    known = git.ask("config", "--file", os.path.join(found.top, ".gitmodules"), "--get-regexp", r"submodule\..*\.path")
    modules = {line.partition(" ")[2] for line in known.splitlines()}
    return tuple(link for link in links if link not in modules)


def _borrow(bare: str, found: Repository) -> None:
    """Let the bare repository read the user's objects in place, and know where their history is cut off."""
    shallow = os.path.join(bare, "shallow")
    if os.path.exists(found.shallow):
        shutil.copyfile(found.shallow, shallow)
    elif os.path.exists(shallow):
        os.unlink(shallow)
    path = os.path.join(bare, "objects", "info", "alternates")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(os.fsencode(found.objects) + b"\n")


def _commit_work_tree(git: Git, found: Repository, bare: str, index: str) -> "tuple[str, int]":
    private: Dict[str, str] = {
        "GIT_INDEX_FILE": index,
        "GIT_OBJECT_DIRECTORY": os.path.join(bare, "objects"),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": found.objects,
    }
    if os.path.exists(found.index):
        # What has not changed needs no hashing again. The copy keeps the index's time: git looks inside files that are
        # as new as the index, since a change within one tick of the clock leaves their own time as it was.
        shutil.copy2(found.index, index)
    elif os.path.exists(index):
        os.unlink(index)
    git.out("add", "--all", "--", ".", more=private)
    tree = git.out("write-tree", more=private)
    changed = (
        git.out("diff-index", "--cached", "--name-only", found.head, more=private)
        if found.head
        else git.out("ls-files", more=private)
    )
    changed_count = len(changed.splitlines())
    if found.head and not changed_count:
        return found.head, 0
    for role in ("AUTHOR", "COMMITTER"):
        private[f"GIT_{role}_NAME"] = (found.author if role == "AUTHOR" else "") or _NAME
        private[f"GIT_{role}_EMAIL"] = (found.author_email if role == "AUTHOR" else "") or _EMAIL
    parent = ["-p", found.head] if found.head else []
    message = found.message or "The work tree, before its first commit"
    return git.out("commit-tree", *parent, "-m", message, tree, more=private), changed_count
