"""Where a process does not show which files another has open."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional


def holder(lock: str, folder: str) -> "Optional[str]":
    """Say that it cannot be told."""
    return None
