"""git's commands for a working tree that holds a part of the files."""

from typing import List, Sequence


def select(paths: Sequence[str], cone: bool) -> List[str]:
    """Keep `paths` (git 2.35 and newer: `set` takes the mode itself)."""
    return ["git", "sparse-checkout", "set", "--cone" if cone else "--no-cone", "--", *paths]


def start_cone() -> List[str]:
    """Turn the cone mode on, for a git whose `set` does not know it."""
    return ["git", "sparse-checkout", "init", "--cone"]


def select_in_mode(paths: Sequence[str]) -> List[str]:
    """Keep `paths` in the mode that is on."""
    return ["git", "sparse-checkout", "set", "--", *paths]


def disable() -> List[str]:
    """Bring all files back."""
    return ["git", "sparse-checkout", "disable"]


def is_on() -> List[str]:
    """Print `true` where the working tree is sparse."""
    return ["git", "config", "--get", "core.sparseCheckout"]


def worktree_settings() -> List[str]:
    """Print the settings of this working tree alone."""
    return ["git", "config", "--worktree", "--list"]


def forget_worktree_settings() -> List[str]:
    """Turn the separate settings off again: older programs refuse a repository that has them."""
    return ["git", "config", "--unset", "extensions.worktreeConfig"]


def file_states() -> List[str]:
    """Print each file with its state, NUL-ended: `S` is one that the sparse rules left out."""
    return ["git", "ls-files", "-t", "-z"]
