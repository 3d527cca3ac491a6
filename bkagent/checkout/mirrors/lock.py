"""The locks around a mirror, shared with every agent of the machine, the reference's own among them.

The same lock files and the same kernel locks, so that both kinds of agent may work on one folder of mirrors.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import Iterator

from bkagent.checkout.work import Work
from bkagent.errors import CheckoutLockExpired, JobFailed
from bkagent.shell import lock_file
from bkagent.system import file_lock

CLONE, UPDATE = "clone", "update"


class NoLocks(JobFailed):
    """The file system of the mirrors has no locks, so that no mirror can be shared there."""


@contextmanager
def hold(work: Work, folder: str, which: str) -> Iterator[None]:
    """Hold the clone or the update lock of a mirror. Raises CheckoutLockExpired, Cancelled, NoLocks, JobFailed."""
    path = f"{folder}.{which}lockf"
    log = work.session.log

    def remind() -> None:
        log.comment(f'Could not acquire lock on "{path}" (locked by another process)')
        log.comment("Trying again in 1s...")  # the reference's words, which it keeps to; we are woken at once

    log.debug(f"Acquiring mirror repository {which} lock")
    try:
        fd = lock_file.take(path, work.settings.mirrors_lock_timeout_s, work.session.cancellation, remind)
    except TimeoutError as expired:
        raise CheckoutLockExpired(f"Checkout could not acquire the {which} lock before timing out") from expired
    except OSError as error:
        reason = file_lock.why_unsupported(path, error)
        if reason:
            raise NoLocks(f"{reason} with --git-mirrors-path", 1) from error
        raise JobFailed(f'cannot take the lock "{path}": {error.strerror}', 1) from error
    try:
        yield
    finally:
        os.close(fd)
