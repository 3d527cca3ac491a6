"""Remove a checkout folder: everything below it, and nothing that a link in it points to."""

from __future__ import annotations

import os
import shutil
import stat
from typing import Any, Callable

from bkagent.errors import JobFailed
from bkagent.shell.session import Session

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


def remove_tree(folder: str) -> None:
    """Remove a folder and all below it; of a link, the link. Folders without write permission are no obstacle.

    Raises OSError: for a missing permission, a file in use, a mount point, the root of a file system.
    """
    folder = os.path.abspath(folder)
    if os.path.dirname(folder) == folder:
        raise OSError(f"{folder} is the root of a file system")
    try:
        mode = os.lstat(folder).st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        # shutil walks by file descriptors where it can, so that a link put in a folder's place is not followed.
        shutil.rmtree(folder, onerror=_made_writable)
    else:
        os.unlink(folder)


def _made_writable(remove_again: Callable[..., Any], path: str, problem: Any) -> None:
    """Give the owner back the permissions that module caches take away, and remove what is left."""
    error = problem[1]
    if isinstance(error, FileNotFoundError):
        return
    if not isinstance(error, PermissionError):
        raise error
    for folder in (os.path.dirname(path), path):
        if stat.S_ISDIR(os.lstat(folder).st_mode):
            os.chmod(folder, stat.S_IRWXU)
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.chmod(os.path.dirname(path), stat.S_IRWXU)
        _unlink(path)


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except PermissionError:
        # Windows refuses to remove a file that is marked read-only, as git's object files are.
        os.chmod(path, stat.S_IWRITE)
        os.unlink(path)
