"""Take a lock file, waiting in the kernel for it: the waiting thread is woken as soon as it is free."""

from __future__ import annotations

import os
import threading
import time
from typing import Callable, Optional

from bkagent.errors import Cancelled
from bkagent.shell.cancellation import Cancellation
from bkagent.system import file_lock

_REMIND_S = 1.0


def take(path: str, limit_s: float, cancellation: Cancellation, remind: Callable[[], None]) -> int:
    """Return a descriptor that holds the lock at `path` until it is closed.

    `remind` is called when there is a wait, and each second of it. Raises TimeoutError when others held the lock for
    `limit_s` seconds, Cancelled, and OSError for a file that cannot be locked.
    """
    fd = file_lock.open_lock(path)
    try:
        is_ours = file_lock.try_lock(fd)
    except OSError:
        os.close(fd)
        raise
    if not is_ours:
        turn = _Turn(fd)
        try:
            _await(turn, path, limit_s, cancellation, remind)
        except (Cancelled, OSError):  # TimeoutError is one of these
            turn.abandon()
            raise
    return fd


def _await(turn: "_Turn", path: str, limit_s: float, cancellation: Cancellation, remind: Callable[[], None]) -> None:
    unsubscribe = cancellation.on_request(turn.woken.set)
    try:
        deadline = time.monotonic() + limit_s
        remind()
        while not turn.woken.wait(max(0.0, min(_REMIND_S, deadline - time.monotonic()))):
            if time.monotonic() >= deadline:
                raise TimeoutError(f'the lock "{path}" was held by another process for {limit_s:.0f} seconds')
            remind()
    finally:
        unsubscribe()
    if turn.failure is not None:
        raise turn.failure
    if not turn.is_ours:
        raise Cancelled(f'the job was cancelled while it waited for the lock "{path}"')


class _Turn:
    """A thread that blocks in the kernel until the lock is ours.

    Nothing takes it out of there. An abandoned turn gives the lock back as soon as it has it.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._mutex = threading.Lock()
        self._is_abandoned = False
        self.woken = threading.Event()
        self.is_ours = False
        self.failure: Optional[OSError] = None
        threading.Thread(target=self._wait, name="lock", daemon=True).start()

    def abandon(self) -> None:
        """Close the descriptor, now or when the kernel lets go of it."""
        with self._mutex:
            self._is_abandoned = True
            is_over = self.is_ours or self.failure is not None
        if is_over:
            os.close(self._fd)

    def _wait(self) -> None:
        failure: Optional[OSError] = None
        try:
            file_lock.lock(self._fd)
        except OSError as error:
            failure = error
        with self._mutex:
            self.failure, self.is_ours = failure, failure is None
            is_abandoned = self._is_abandoned
        if is_abandoned:
            os.close(self._fd)
        self.woken.set()
