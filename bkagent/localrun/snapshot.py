"""Put what is on disk into a commit that jobs can check out, leaving the user's repository untouched.

The commit is made with an index and an object folder of its own (the user's objects are read through
`alternates`), so that index, objects, refs and stash of the user stay as they are. Each repository within the work tree
gets such a commit, too, and jobs have it as a submodule: see `submodules.py`.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import Dict, List, Mapping, NamedTuple, Tuple

from bkagent.localrun import submodules
from bkagent.localrun.repository import DETACHED, Git, Repository
from bkagent.localrun.submodules import Within

_NAME = "bkagent local run"
_EMAIL = "local-run@bkagent.invalid"
_EVERYTHING = "."


@dataclass(frozen=True)
class Snapshot:
    """The bare repository and the commit that jobs check out. `changed_count` files differ from HEAD.

    `plain` is the commit as the user would make it: for what is asked about changes. `submodules` are the paths of
    repositories within that jobs get as they are on disk; `left_out` are those that git cannot use.
    """

    repository: str
    commit: str
    changed_count: int
    left_out: Tuple[str, ...] = ()
    plain: str = ""
    submodules: Tuple[str, ...] = ()


class _Commits(NamedTuple):
    plain: str
    run: str
    changed_count: int
    submodules: Tuple[str, ...] = ()
    left_out: Tuple[str, ...] = ()


def take(repository: Repository, data_folder: str, environ: Mapping[str, str], *, committed: bool) -> Snapshot:
    """Return the snapshot of the work tree, or with `committed` of HEAD alone. Raises AgentError from git."""
    bare = os.path.join(data_folder, "repo.git")
    commits = _take(repository, bare, os.path.join(data_folder, "index"), data_folder, environ, committed=committed)
    return Snapshot(bare, commits.run, commits.changed_count, commits.left_out, commits.plain, commits.submodules)


def _take(
    repository: Repository,
    bare: str,
    index: str,
    data_folder: str,
    environ: Mapping[str, str],
    *,
    committed: bool = False,
) -> _Commits:
    git = repository.git(environ)
    outside = Git(repository.top, environ)
    if not os.path.exists(os.path.join(bare, "HEAD")):
        outside.out("init", "--quiet", "--bare", bare)
    _borrow(bare, repository)
    if committed:
        commits = _Commits(repository.head, repository.head, 0)
    else:
        commits = _commit_work_tree(git, repository, bare, index, data_folder, environ)
    ref = "refs/heads/" + (repository.branch if repository.branch != DETACHED else "detached")
    _clear_way(outside, bare, ref)
    outside.out("--git-dir", bare, "update-ref", ref, commits.run)
    outside.out("--git-dir", bare, "symbolic-ref", "HEAD", ref)
    return commits


def _clear_way(git: Git, bare: str, ref: str) -> None:
    """Delete the branches of earlier snapshots whose names cannot be there beside `ref`, as a/b beside a."""
    for other in git.out("--git-dir", bare, "for-each-ref", "--format=%(refname)", "refs/heads").splitlines():
        if other.startswith(ref + "/") or ref.startswith(other + "/"):
            git.out("--git-dir", bare, "update-ref", "-d", other)


def _borrow(bare: str, repository: Repository) -> None:
    """Let the bare repository read the user's objects in place, and know where their history is cut off."""
    shallow = os.path.join(bare, "shallow")
    if os.path.exists(repository.shallow):
        shutil.copyfile(repository.shallow, shallow)
    elif os.path.exists(shallow):
        os.unlink(shallow)
    path = os.path.join(bare, "objects", "info", "alternates")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(os.fsencode(repository.objects) + b"\n")


def _commit_work_tree(
    git: Git, repository: Repository, bare: str, index: str, data_folder: str, environ: Mapping[str, str]
) -> _Commits:
    private: Dict[str, str] = {
        "GIT_INDEX_FILE": index,
        "GIT_OBJECT_DIRECTORY": os.path.join(bare, "objects"),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": repository.objects,
    }
    if os.path.exists(repository.index):
        # What has not changed needs no hashing again. The copy keeps the index's time: git looks inside files that are
        # as new as the index, since a change within one tick of the clock leaves their own time as it was.
        shutil.copy2(repository.index, index)
    elif os.path.exists(index):
        os.unlink(index)
    within, left_out = submodules.find(git, repository, private, environ)
    elsewhere = [f":(exclude,top,literal){path}" for path in (*(inner.path for inner in within), *left_out)]
    git.out("add", "--all", "--", _EVERYTHING, *elsewhere, more=private)
    inner_commits = [(inner, _take_within(inner, data_folder, environ)) for inner in within]
    submodules.stage(git, {inner.path: commits.plain for inner, commits in inner_commits}, private)
    tree = git.out("write-tree", more=private)
    changed_count = _changed_count(git, repository, private)
    plain = _commit(git, repository, private, tree) if changed_count or not repository.head else repository.head
    submodules.stage(git, {inner.path: commits.run for inner, commits in inner_commits}, private)
    submodules.address(git, repository, {inner.path: inner.bare(data_folder) for inner in within}, index, private)
    run_tree = git.out("write-tree", more=private)
    run = _commit(git, repository, private, run_tree) if run_tree != tree else plain
    names: List[str] = []
    for inner, commits in inner_commits:
        names += [inner.path, *(f"{inner.path}/{path}" for path in commits.submodules)]
        left_out += [f"{inner.path}/{path}" for path in commits.left_out]
    return _Commits(plain, run, changed_count, tuple(names), tuple(left_out))


def _take_within(inner: Within, data_folder: str, environ: Mapping[str, str]) -> _Commits:
    bare = inner.bare(data_folder)
    os.makedirs(os.path.dirname(bare), exist_ok=True)
    return _take(inner.repository, bare, bare + ".index", data_folder, environ)


def _changed_count(git: Git, repository: Repository, private: Mapping[str, str]) -> int:
    changed_paths = (
        git.out("diff-index", "--cached", "--name-only", "--ignore-submodules=none", repository.head, more=private)
        if repository.head
        else git.out("ls-files", more=private)
    )
    return len(changed_paths.splitlines())


def _commit(git: Git, repository: Repository, private: Mapping[str, str], tree: str) -> str:
    env = dict(private)
    for role in ("AUTHOR", "COMMITTER"):
        env[f"GIT_{role}_NAME"] = (repository.author if role == "AUTHOR" else "") or _NAME
        env[f"GIT_{role}_EMAIL"] = (repository.author_email if role == "AUTHOR" else "") or _EMAIL
    parent: List[str] = ["-p", repository.head] if repository.head else []
    message = repository.message or "The work tree, before its first commit"
    return git.out("commit-tree", *parent, "-m", message, tree, more=env)
