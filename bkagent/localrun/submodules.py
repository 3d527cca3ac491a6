"""Submodules, and other repositories within the work tree: jobs get each as a submodule, as it is on disk.

The commit that the jobs check out names a snapshot of each, and its `.gitmodules` says where that is. A submodule that
is not checked out stays what it is: git gets it from its own address.
"""

from __future__ import annotations

import hashlib
import os
from typing import Dict, List, Mapping, NamedTuple, Tuple

from bkagent.git.location import resolve_relative
from bkagent.localrun import repository
from bkagent.localrun.repository import Git, Repository

_FILE = ".gitmodules"
_LINK_MODE, _FILE_MODE = "160000", "100644"


class Within(NamedTuple):
    """A repository within another's work tree, at `path` below its top."""

    path: str
    repository: Repository

    def bare(self, data: str) -> str:
        """Return the path of the bare repository that its snapshot goes to."""
        digest = hashlib.sha256(os.fsencode(self.repository.top)).hexdigest()[:16]
        return os.path.join(data, "modules", digest + ".git")


def find(
    git: Git, outer: Repository, private: Mapping[str, str], environ: Mapping[str, str]
) -> "Tuple[List[Within], List[str]]":
    """Return the repositories within that are checked out, and the paths of those that git cannot use.

    `private` has the index to look at. Ignored repositories are left out, as are those that symbolic links lead to.
    """
    untracked = git.out("ls-files", "--others", "--exclude-standard", "-z", more=private).split("\0")
    paths = {path[:-1] for path in untracked if path.endswith("/")}
    paths.update(path for path in _links(git, private) if _is_checked_out(outer, path))
    within: List[Within] = []
    unusable: List[str] = []
    for path in sorted(paths):
        inner = repository.find_within(os.path.join(outer.top, path), outer, environ)
        # Git takes no such path for a submodule's: it could be an option, or two lines of a list.
        if inner is None or path.startswith("-") or "\n" in path:
            unusable.append(path)
        else:
            within.append(Within(path, inner))
    return within, unusable


def stage(git: Git, commits: Mapping[str, str], private: Mapping[str, str]) -> None:
    """Put the commits of submodules, by path, into the index."""
    for path, commit in commits.items():
        git.out("update-index", "--add", "--replace", "--cacheinfo", f"{_LINK_MODE},{commit},{path}", more=private)


def address(git: Git, outer: Repository, urls: Mapping[str, str], index: str, private: Mapping[str, str]) -> None:
    """Let the `.gitmodules` of the index say where submodules are, given by path.

    Relative addresses of the others count from where the user's repository came from. A submodule that has no address
    goes: git would fail at it.
    """
    staged = git.out("ls-files", "--stage", "-z", "--", _FILE, more=private)
    if not urls and not staged:
        return
    copy = index + _FILE
    with open(copy, "wb") as file:
        file.write(os.fsencode(git.out("cat-file", "blob", ":" + _FILE, more=private) + "\n") if staged else b"")
    _write(git, outer, urls, copy)
    blob = git.out("hash-object", "-w", "--no-filters", "--", copy, more=private)
    known = _names(git, copy)
    for path in _links(git, private):
        if path not in known:
            git.out("update-index", "--force-remove", "--", path, more=private)
    if not staged or blob != staged.split()[1]:
        git.out("update-index", "--add", "--cacheinfo", f"{_FILE_MODE},{blob},{_FILE}", more=private)


def _write(git: Git, outer: Repository, urls: Mapping[str, str], copy: str) -> None:
    names = _names(git, copy)
    for path, new_url in urls.items():
        name = _name(path, new_url, names)
        for key, text in (("path", path), ("url", new_url), ("update", "checkout")):
            git.out("config", "--file", copy, f"submodule.{name}.{key}", text)
    origin = git.ask("config", "--get", "remote.origin.url")
    for path, name in names.items():
        url = git.ask("config", "--file", copy, "--get", f"submodule.{name}.url")
        if path not in urls and url.startswith(("./", "../")) and origin:
            git.out("config", "--file", copy, f"submodule.{name}.url", resolve_relative(url, origin))


def _name(path: str, url: str, names: Mapping[str, str]) -> str:
    """Return what a submodule is called: what it was, unless git would ignore that, or else by its path."""
    known = names.get(path, "")
    # Source: https://git-scm.com/docs/git-fsck, gitmodulesName.
    if known and ".." not in known.replace("\\", "/").split("/"):
        return known
    return path if path not in names.values() else f"{path}-{os.path.basename(url)}"


def _is_checked_out(outer: Repository, path: str) -> bool:
    folder = os.path.join(os.path.realpath(outer.top), path)
    return os.path.realpath(folder) == os.path.normpath(folder) and os.path.lexists(os.path.join(folder, ".git"))


def _links(git: Git, private: Mapping[str, str]) -> List[str]:
    staged = git.out("ls-files", "--stage", "-z", more=private).split("\0")
    return [entry.partition("\t")[2] for entry in staged if entry.startswith(_LINK_MODE + " ")]


def _names(git: Git, file: str) -> Dict[str, str]:
    """Return the names of submodules by their paths."""
    printed = git.ask("config", "--file", file, "--null", "--get-regexp", r"^submodule\..*\.path$")
    names: Dict[str, str] = {}
    for entry in printed.split("\0"):
        key, _, path = entry.partition("\n")
        if path:
            names[path] = key[len("submodule.") : -len(".path")]
    return names
