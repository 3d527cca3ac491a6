"""Windows has no limit of this kind that a process could meet before its memory ends."""

import sys


def descriptors_count() -> int:
    """Return how many may be open."""
    return sys.maxsize


def selectable_count() -> int:
    """Return FD_SETSIZE of Python's module `select`, without room for the listener and the bell of a loop."""
    return 512 - 2


def raise_limit(count: int) -> None:
    """Do nothing."""
