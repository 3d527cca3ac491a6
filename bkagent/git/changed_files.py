"""Which files commits change, as `if_changed` asks for them. `git` runs git and returns what it prints."""

from __future__ import annotations

from typing import Callable, List

Git = Callable[..., str]


def of_commit(git: Git, *commit: str) -> List[str]:
    """Return the paths that one commit changes, HEAD where none is given."""
    return _lines(git("log", "--first-parent", "-1", "--name-only", "--pretty=format:", *commit))


def since(git: Git, start: str, end: str = "") -> List[str]:
    """Return the paths in which the work tree, or the commit `end`, differs from a commit.

    The commit has its submodules, whatever the repository's settings ignore.
    """
    return _lines(git("diff", "--name-only", *(["--ignore-submodules=none", start, end] if end else [start])))


def _lines(printed: str) -> List[str]:
    return [line for line in printed.split("\n") if line]
