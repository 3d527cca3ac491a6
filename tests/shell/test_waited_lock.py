"""A lock file that is waited for: woken by the kernel, until a limit, or until the job is cancelled."""

import os
import threading
import time

import pytest

from bkagent.errors import Cancelled
from bkagent.shell import lock_file
from bkagent.shell.cancellation import Cancellation
from bkagent.system import file_lock

LONG_S = 60.0


class Reminders:
    """Counts the calls, and tells a waiting test of the first."""

    def __init__(self):
        self.first = threading.Event()
        self.count = 0

    def __call__(self):
        self.count += 1
        self.first.set()


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "lockf")


@pytest.fixture
def other(path):
    """A descriptor that holds the lock."""
    fd = file_lock.open_lock(path)
    assert file_lock.try_lock(fd)
    yield fd
    try:
        os.close(fd)
    except OSError:
        pass  # the test gave it back


def test_a_free_lock_is_taken_without_a_word(path):
    reminders = Reminders()
    fd = lock_file.take(path, LONG_S, Cancellation(), reminders)
    assert file_lock.is_held(path)
    os.close(fd)
    assert not file_lock.is_held(path)
    assert reminders.count == 0


def test_a_lock_that_is_given_back_is_ours(path, other):
    reminders = Reminders()
    releaser = threading.Thread(target=lambda: reminders.first.wait(LONG_S) and os.close(other))
    releaser.start()
    fd = lock_file.take(path, LONG_S, Cancellation(), reminders)
    releaser.join()
    assert file_lock.is_held(path)
    os.close(fd)
    assert not file_lock.is_held(path)


def test_the_wait_has_a_limit_after_which_the_lock_is_not_kept(path, other):
    with pytest.raises(TimeoutError, match="held by another process"):
        lock_file.take(path, 0.01, Cancellation(), Reminders())
    os.close(other)
    _wait_until_free(path)


def test_a_cancelled_wait_ends_at_once_and_does_not_keep_the_lock(path, other):
    cancellation, reminders = Cancellation(), Reminders()
    canceller = threading.Thread(target=lambda: reminders.first.wait(LONG_S) and cancellation.request())
    canceller.start()
    with pytest.raises(Cancelled):
        lock_file.take(path, LONG_S, cancellation, reminders)
    canceller.join()
    os.close(other)
    _wait_until_free(path)


def test_a_folder_is_no_lock_file(tmp_path):
    with pytest.raises(OSError):
        lock_file.take(str(tmp_path), LONG_S, Cancellation(), Reminders())


def _wait_until_free(path):
    """The abandoned wait gives the lock back when it gets it."""
    until = time.monotonic() + LONG_S
    while file_lock.is_held(path) or any(thread.name == "lock" for thread in threading.enumerate()):
        assert time.monotonic() < until
        time.sleep(0.005)
