"""Whether a branch matches the `branches` of a step."""

from __future__ import annotations

import re
from typing import Iterable


def matches(patterns: Iterable[str], branch: str) -> bool:
    """Say whether a branch matches a pattern, if any is without `!`, and no pattern that begins with `!`.

    `*` stands for any characters, "/" among them.
    """
    positive = [pattern for pattern in patterns if not pattern.startswith("!")]
    negative = [pattern[1:] for pattern in patterns if pattern.startswith("!")]
    if any(_matches(pattern, branch) for pattern in negative):
        return False
    return not positive or any(_matches(pattern, branch) for pattern in positive)


def _matches(pattern: str, branch: str) -> bool:
    # The parts are searched from left to right: a regular expression with many stars could take exponential time.
    parts = pattern.split("*")
    if len(parts) == 1:
        return pattern == branch
    first, *middle, last = parts
    if not branch.startswith(first) or not branch.endswith(last) or len(branch) < len(first) + len(last):
        return False
    at, end = len(first), len(branch) - len(last)
    for part in middle:
        start = branch.find(part, at, end)
        if start < 0:
            return False
        at = start + len(part)
    return True


def is_full_commit(commit: str) -> bool:
    """Say whether a commit is a whole hash, so that it needs no resolving."""
    return re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", commit) is not None
