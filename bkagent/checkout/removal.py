"""Remove a checkout folder, trying again while something keeps it busy."""

from __future__ import annotations

from bkagent.errors import JobFailed
from bkagent.shell.session import Session
from bkagent.system.tree_removal import remove_tree

__all__ = ["remove", "remove_tree"]

_TRIES, _PAUSE_S = 10, 10.0


def remove(session: Session, folder: str) -> None:
    """Remove `folder` if it is there, trying again while something keeps it busy. Raises JobFailed."""
    for tries_left in range(_TRIES - 1, -1, -1):
        session.log.comment(f"Removing {folder}")
        try:
            remove_tree(folder)
            return
        except OSError as error:
            session.log.error(f'Failed to remove "{folder}" ({error})')
            failure = error
        if tries_left:
            session.log.comment(f"Waiting {_PAUSE_S:.0f} seconds")
            if session.cancellation.wait(_PAUSE_S):
                break
    raise JobFailed(f'failed to remove "{folder}": {failure}', 1) from failure
