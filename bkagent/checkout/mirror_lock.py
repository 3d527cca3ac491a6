"""The locks around a mirror, shared with every agent of the machine, the reference's own among them.

The same lock files and the same kernel locks, so that both kinds of agent may work on one folder of mirrors.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import Iterator

from bkagent.checkout.work import Work
from bkagent.errors import Cancelled, CheckoutLockExpired, JobFailed
from bkagent.system import file_lock

CLONE, UPDATE = "clone", "update"
# The log gets a line a second, as with the reference; the lock is taken as soon as it is free, near enough.
_REMIND_S, _LOOK_S = 1.0, 0.05


@contextmanager
def held(work: Work, folder: str, which: str) -> Iterator[None]:
    """Hold the clone or the update lock of a mirror. Raises CheckoutLockExpired, Cancelled, JobFailed."""
    path = f"{folder}.{which}lockf"
    try:
        fd = file_lock.open_lock(path)
    except OSError as error:
        raise JobFailed(f'cannot open the lock "{path}": {error.strerror}', 1) from error
    try:
        _wait(work, fd, path, which)
        yield
    finally:
        os.close(fd)


def _wait(work: Work, fd: int, path: str, which: str) -> None:
    session = work.session
    started = reminded = time.monotonic()
    is_first = True
    while not file_lock.try_lock(fd):
        now = time.monotonic()
        if now - started >= work.settings.mirrors_lock_timeout_s:
            raise CheckoutLockExpired(f"Checkout could not acquire the {which} lock before timing out")
        if is_first or now - reminded >= _REMIND_S:
            session.log.comment(f'Could not acquire lock on "{path}" (locked by another process)')
            session.log.comment(f"Trying again in {_REMIND_S:.0f}s...")
            is_first, reminded = False, now
        if session.cancellation.wait(_LOOK_S):
            raise Cancelled("the checkout was cancelled while it waited for a git mirror")
