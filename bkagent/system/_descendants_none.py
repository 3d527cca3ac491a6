"""Systems on which a process cannot adopt its descendants."""

from bkagent.system.marked_processes import Marked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List


END_WITH_US = False


def adopt() -> bool:
    """Say that it does not work."""
    return False


def find() -> "List[Marked]":
    """Find nothing."""
    return []


def collect() -> None:
    """Do nothing: this process adopts no orphans."""


def release() -> None:
    """Do nothing: they outlive this process anyway."""
