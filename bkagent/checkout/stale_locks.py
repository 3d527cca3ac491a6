"""Lock files in a checkout or mirror: those left by a killed git, and those that a running git may hold.

git's locks are plain files beside what they protect. One is stale if no process of this machine may hold it, and if it
is older than any that git keeps in a mirror, which jobs of other machines and containers may share.
"""

from __future__ import annotations

import os
import time
from typing import List, NamedTuple, Optional

from bkagent.shell.session import Session
from bkagent.system import lock_holders

# git keeps locks on refs and settings for the time of one write. The update lock keeps other agents away from a mirror.
_SHARED_AGE_S = 30.0
# Where no system call tells who has a file open.
_UNSURE_AGE_S = 600.0
_LOOK_S = 1.0


class ClearedLocks(NamedTuple):
    """How many locks were removed, why one was left ("" if none was), and whether a running process holds one."""

    removed_count: int
    why_left: str
    is_held: bool


def clear(session: Session, git_dir: str, *, is_shared: bool) -> ClearedLocks:
    """Remove the stale locks of a repository, waiting for those about to become stale. Never removes one in use."""
    removed_count, why_left, is_held = 0, "", False
    folder = os.path.dirname(git_dir) if os.path.basename(git_dir) == ".git" else git_dir
    for path in _locks(git_dir):
        use = _await_stale(session, path, folder, is_shared=is_shared)
        if use is not None:
            why_left, is_held = use.why, is_held or use.is_held
            continue
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass  # its holder has released it
        except OSError as error:
            why_left = f'"{path}" cannot be removed: {error.strerror}'
            continue
        else:
            session.log.comment(f'Removing the lock "{path}", left by a git process that has ended')
        removed_count += 1
    return ClearedLocks(removed_count, why_left, is_held)


def _locks(git_dir: str) -> List[str]:
    """Return the lock files of a repository and its submodules. Among objects only lists of packs have locks."""
    locks: List[str] = []
    for folder, folders, files in os.walk(git_dir):
        if os.path.basename(folder) == "objects":
            folders[:] = [name for name in folders if name in ("info", "pack")]
        locks += [os.path.join(folder, name) for name in files if name.endswith(".lock")]
    return sorted(locks)


class _LockUse(NamedTuple):
    """Why a lock is kept, and whether a running process holds it."""

    why: str
    is_held: bool


def _await_stale(session: Session, path: str, folder: str, *, is_shared: bool) -> Optional[_LockUse]:
    """Wait until a lock is stale or gone, and return None; return at once if it will be kept longer."""
    while True:
        holder = lock_holders.holder(path, folder)  # each time: a git may have taken the lock meanwhile
        if holder:
            return _LockUse(f'{holder} may hold "{path}"; kill it if it hangs', True)
        is_free = holder is not None  # no process that can be seen holds it
        if is_free and not is_shared:
            return None
        try:
            age_s = time.time() - os.stat(path).st_mtime
        except OSError:
            return None
        if age_s >= (_SHARED_AGE_S if is_free else _UNSURE_AGE_S):
            return None
        if is_free and age_s >= 0:
            session.log.comment(f'Waiting for the lock "{path}" to be released')
            if not session.cancellation.wait(_LOOK_S):
                continue
        return _LockUse(f'a git process may hold "{path}"; remove the file if none is running', False)
