"""Windows has no limit of this kind that a process could meet before its memory ends."""

import sys


def descriptors_count() -> int:
    """Return how many may be open."""
    return sys.maxsize


def raise_limit(count: int) -> None:
    """Do nothing."""
