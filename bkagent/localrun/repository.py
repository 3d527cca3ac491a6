"""The repository that `local run` stands in, asked by git itself."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Dict, Mapping, Optional, Sequence

from bkagent.errors import AgentError, UsageError
from bkagent.git import query

# Variables by which a hook or an outer git would steer ours to another repository or index.
_STEERING = (
    "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_PREFIX", "GIT_CEILING_DIRECTORIES",
)  # fmt: skip
# How git says that a folder is in no repository.
_NO_REPOSITORY = ("not a git repository", "must be run in a work tree")
DETACHED = "HEAD"  # git's own name for it, `git rev-parse --abbrev-ref HEAD`


@dataclass(frozen=True)
class Repository:
    """A repository and its checkout. `head` is "" before the first commit; `branch` is DETACHED without one.

    `is_within` another: then git is told where it is, since a submodule that was moved still names its former folder.
    """

    top: str
    git_dir: str
    objects: str
    index: str
    shallow: str
    head: str
    branch: str
    message: str
    author: str
    author_email: str
    is_within: bool = False

    def git(self, environ: Mapping[str, str]) -> "Git":
        """Return what runs git in this repository."""
        return Git(self.top, environ, _address(self.git_dir, self.top) if self.is_within else {})


class Git:
    """Runs git in one folder, with an environment that nothing but the arguments steers."""

    def __init__(self, folder: str, environ: Mapping[str, str], more: "Mapping[str, str]" = {}) -> None:  # noqa: B006
        self._folder = folder
        self._environ = {name: text for name, text in environ.items() if name not in _STEERING}
        self._environ.update(more)

    def out(self, *words: str, more: "Mapping[str, str]" = {}) -> str:  # noqa: B006 (never changed)
        """Return what git printed, without its last newline. Raises AgentError with git's own words."""
        answer = self._ask(words, more)
        if answer.exit_status:
            lines = answer.error.splitlines() or [f"exit status {answer.exit_status}"]
            raise AgentError(f"git {words[0]} failed: {lines[-1]}")
        return os.fsdecode(answer.printed).rstrip("\n")

    def ask(self, *words: str) -> str:
        """Return what git printed, or "" where it failed."""
        return self.ask_why(*words)[0]

    def ask_why(self, *words: str) -> "tuple[str, str]":
        """Return what git printed, or "" where it failed; and what it said then, in English and on one line."""
        answer = self._ask(words, {"LC_ALL": "C"})
        if not answer.exit_status:
            return os.fsdecode(answer.printed).rstrip("\n"), ""
        return "", " ".join(answer.error.split()) or f"exit status {answer.exit_status}"

    def _ask(self, words: "Sequence[str]", more: "Mapping[str, str]") -> query.CommandOutput:
        try:
            return query.ask(words, {**self._environ, **more}, folder=self._folder)
        except query.GitMissing:
            raise AgentError(
                "git is not on PATH: install it, since `local run` gives the jobs their checkout by it"
            ) from None


def find(folder: str, environ: Mapping[str, str]) -> Repository:
    """Return the repository that `folder` lies in. Raises UsageError where it is in no repository."""
    git = Git(folder, environ)
    top, refusal = git.ask_why("rev-parse", "--show-toplevel")
    if not top:
        if refusal and not any(words in refusal for words in _NO_REPOSITORY):
            # It belongs to another user, say; git names the remedy.
            raise UsageError(f"git refuses to work in {folder}: {_printable(refusal)}")
        raise UsageError(
            f"{folder} is in no git repository with a work tree; stand in one, or make this one with `git init`"
        )
    return _read(top, Git(top, environ).out("rev-parse", "--absolute-git-dir"), environ)


def find_within(folder: str, outer: Repository, environ: Mapping[str, str]) -> Optional[Repository]:
    """Return the repository whose top is a folder of another's work tree, None where git cannot use it."""
    git_dir = _submodule_git_dir(folder, outer) or Git(folder, environ).ask("rev-parse", "--absolute-git-dir")
    if not git_dir or os.path.realpath(git_dir) == os.path.realpath(outer.git_dir):
        return None
    git = Git(folder, environ, _address(git_dir, folder))
    if git.ask_why("rev-parse", "--git-dir")[1] or _format(git) != _format(outer.git(environ)):
        return None
    return _read(folder, git_dir, environ, is_within=True)


def _submodule_git_dir(folder: str, outer: Repository) -> str:
    """Return the folder in the outer repository that a submodule's `.git` names, "" where it names none there.

    A submodule that was moved to another depth names a folder that is not there.
    """
    try:
        with open(os.path.join(folder, ".git"), encoding="utf-8", errors="surrogateescape") as file:
            target = file.read().strip()
    except OSError:
        return ""  # a folder: a repository that is whole
    _, is_link, target = target.partition("gitdir: ")
    modules = os.path.join(os.path.realpath(outer.git_dir), "modules", "")
    own = os.path.realpath(os.path.join(folder, target))
    if not own.startswith(modules):
        own = os.path.realpath(os.path.join(modules, target.partition(".git/modules/")[2]))
    return own if is_link and own.startswith(modules) and os.path.isdir(own) else ""


def _format(git: Git) -> str:
    """Return the hash that names objects. No repository has submodules of another one."""
    return git.ask("rev-parse", "--show-object-format")


def _address(git_dir: str, top: str) -> Dict[str, str]:
    """Return the variables by which git finds a submodule's repository from its work tree."""
    return {"GIT_DIR": git_dir, "GIT_WORK_TREE": top}


def _read(top: str, git_dir: str, environ: Mapping[str, str], *, is_within: bool = False) -> Repository:
    git = Git(top, environ, _address(git_dir, top) if is_within else {})
    head = git.ask("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    branch = git.ask("symbolic-ref", "--quiet", "--short", "HEAD")
    objects, index, shallow = (os.path.join(top, path) for path in _git_paths(git, "objects", "index", "shallow"))
    commit = git.ask("log", "-1", "--format=%an%x00%ae%x00%B") if head else ""
    author, author_email, message = commit.split("\0", 2) if commit else ("", "", "")
    return Repository(
        top=top,
        git_dir=git_dir,
        is_within=is_within,
        objects=objects,
        index=index,
        shallow=shallow,
        head=head,
        branch=branch or DETACHED,
        message=message,
        author=author,
        author_email=author_email,
    )


def _git_paths(git: Git, *names: str) -> "Sequence[str]":
    """Return the paths of files in the repository, by one process of git's unless there are line ends in them."""
    paths = git.out("rev-parse", *(word for name in names for word in ("--git-path", name))).split("\n")
    return paths if len(paths) == len(names) else [git.out("rev-parse", "--git-path", name) for name in names]


def _printable(text: str) -> str:
    """Return a message of git's for one of ours: without its first word, with "?" for control characters."""
    return "".join(letter if letter.isprintable() else "?" for letter in text.replace("fatal: ", "", 1))
