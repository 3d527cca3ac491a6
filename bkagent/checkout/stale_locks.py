"""Lock files that a killed git has left in a checkout or in a mirror, and those that a living one may hold.

git's locks are plain files beside what they protect. One is stale if no process of this machine may hold it, and if it
is older than any that git keeps in a mirror, which jobs of other machines and containers may share.
"""

from __future__ import annotations

import os
import time
from typing import List, NamedTuple

from bkagent.shell.session import Session
from bkagent.system import lock_holders

# git keeps locks on refs and settings for the time of one write. The update lock keeps other agents away from a mirror.
_SHARED_AGE_S = 30.0
# Where no system call tells who has a file open.
_UNSURE_AGE_S = 600.0
_LOOK_S = 1.0


class Locks(NamedTuple):
    """How many locks were removed, why one was left ("" where none was), and whether a living process has one."""

    removed_count: int
    why_left: str
    is_held: bool


def clear(session: Session, git_dir: str, *, is_shared: bool) -> Locks:
    """Remove the stale locks of a repository, and wait for those that are about to be. Never touches one in use."""
    removed_count, why_left, is_held = 0, "", False
    folder = os.path.dirname(git_dir) if os.path.basename(git_dir) == ".git" else git_dir
    for path in _locks(git_dir):
        holder = lock_holders.holder(path, folder)
        if holder:
            is_held, why_left = True, f'{holder} may hold "{path}"; end it if it hangs'
            continue
        if not _wait_until_stale(session, path, is_shared=is_shared, is_free=holder is not None):
            why_left = f'a git may hold "{path}"; remove that file if none does'
            continue
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass  # whoever held it is done
        except OSError as error:
            why_left = f'"{path}" cannot be removed: {error.strerror}'
            continue
        else:
            session.log.comment(f'Removing the lock "{path}", which a git that has ended left')
        removed_count += 1
    return Locks(removed_count, why_left, is_held)


def _locks(git_dir: str) -> List[str]:
    """Return the lock files of a repository and its submodules. Objects have none but those of lists of packs."""
    locks: List[str] = []
    for folder, folders, files in os.walk(git_dir):
        if os.path.basename(folder) == "objects":
            folders[:] = [name for name in folders if name in ("info", "pack")]
        locks += [os.path.join(folder, name) for name in files if name.endswith(".lock")]
    return sorted(locks)


def _wait_until_stale(session: Session, path: str, *, is_shared: bool, is_free: bool) -> bool:
    """Say whether a lock is stale or gone. `is_free`: no process that can be seen holds it, which may take a while."""
    if is_free and not is_shared:
        return True
    least_s = _SHARED_AGE_S if is_free else _UNSURE_AGE_S
    while True:
        try:
            age_s = time.time() - os.stat(path).st_mtime
        except OSError:
            return True
        if age_s >= least_s:
            return True
        if not is_free or age_s < 0:
            return False
        session.log.comment(f'Waiting for the lock "{path}" to be freed')
        if session.cancellation.wait(_LOOK_S):
            return False
