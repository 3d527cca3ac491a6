"""A reference that is a full object id means that object, even if a branch, tag or file has the same name.

`git checkout ID` takes a local branch of that name first, `git checkout NAME` a file where no reference has the name,
and `git submodule update` does as `git checkout ID` does. So what is meant is looked up, and given to git in a form
that nothing else can have. `capture` runs a git command and returns what it prints; it raises GitFailed.
"""

from __future__ import annotations

import os
from typing import Callable, List, Mapping, Sequence

from bkagent.git import commands, plain_config
from bkagent.git.outcome import GitFailed, Kind
from bkagent.git.references import is_full_object_id

Capture = Callable[[Sequence[str]], str]
# What was fetched last; a branch may have this name, too.
FETCHED = "FETCH_HEAD"
# What `git checkout` would take for a pattern of files, or for the folder at hand.
_PATTERN = frozenset("*?[:")
# Git's exit status if the commit does not exist.
_FATAL = 128


def revision(reference: str, folder: str, capture: Capture) -> List[str]:
    """Return the arguments of `git checkout` for `reference` in `folder`. Raises GitFailed."""
    if reference == FETCHED:
        return [FETCHED + "^{commit}"]
    if is_full_object_id(reference):
        _check_object(reference, capture)
        return [reference + "^{commit}"]
    # Without need the words stay the usual ones: git then says more about what is missing.
    is_perhaps_file = bool(_PATTERN & set(reference)) or os.path.lexists(os.path.join(folder, reference))
    return [reference, "--"] if is_perhaps_file else [reference]


def plain_id(reference: str, git_dir: str, env: Mapping[str, str]) -> List[str]:
    """Return the arguments of `git checkout` for an id that needs no look-up, none where `revision` has to be asked.

    Nothing says that there is such a commit: where the checkout fails, `revision` tells whether that is the reason.
    `--` keeps git from taking the words for a file then. `env` is what git gets.
    """
    config = plain_config.read(git_dir, env) if is_full_object_id(reference) else None
    return [reference + "^{commit}", "--"] if config is not None and config.has_id(reference) else []


def is_at_other_commit(reference: str, git_dir: str, capture: Capture) -> bool:
    """Return whether a checkout is known to be at another commit than the full object id that `reference` is."""
    if not is_full_object_id(reference):
        return False
    try:
        head = capture(commands.resolve("HEAD", git_dir)).strip()
        commit = capture(commands.resolve_commit(reference, git_dir)).strip()
    except GitFailed:
        return False  # of another user, say: git tells nothing about it
    return head != commit


def check_submodules(capture: Capture) -> None:
    """Check that no submodule is at a branch with the name of its commit. Raises GitFailed."""
    strangers = capture(commands.submodules_at_branches()).split("\n")
    if strangers[0]:
        raise GitFailed(
            f'the submodule "{strangers[0]}" is not at its commit, as its repository has a branch of that name',
            1,
            was_retried=True,
        )


def _check_object(reference: str, capture: Capture) -> None:
    """Check that `reference` is the id of a commit, or of a tag of one. Raises GitFailed."""
    try:
        commit = capture(commands.resolve_commit(reference)).strip()
    except GitFailed as failed:
        if failed.signal or failed.is_of_damage:
            raise
        raise GitFailed(f'the repository has no commit "{reference}"', _FATAL, Kind.NOT_A_TREE) from failed
    object_id = reference.lower()
    # The id of a tag leads to a commit of another id.
    if commit != object_id and capture(commands.resolve(reference)).strip() != object_id:
        text = f'"{reference}" is a branch or a tag; the repository has no commit of that id'
        raise GitFailed(text, _FATAL, Kind.NOT_A_TREE)
