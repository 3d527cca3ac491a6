"""Locks between processes: held by one at a time, free when the holder is gone."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from bkagent.system import file_lock

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HOLDER = """
import sys; sys.path.insert(0, sys.argv[1])
from bkagent.system import file_lock
fd = file_lock.open_lock(sys.argv[2])
print(file_lock.try_lock(fd), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Start a process that holds the lock of a file until its standard input ends."""
    path = str(tmp_path / "lock")
    arguments = [sys.executable, "-c", HOLDER, TOP, path]
    process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, universal_newlines=True)
    assert process.stdout.readline() == "True\n"
    yield path, process
    process.kill()
    process.communicate()


def test_two_descriptors_exclude_each_other_in_one_process(tmp_path):
    path = str(tmp_path / "lock")
    one, other = file_lock.open_lock(path), file_lock.open_lock(path)
    assert file_lock.try_lock(one)
    assert not file_lock.try_lock(other)
    assert not file_lock.lock_soon(other)
    assert file_lock.is_held(path)
    os.close(one)
    assert not file_lock.is_held(path)
    assert file_lock.lock_soon(other)
    os.close(other)


def test_no_process_holds_a_file_that_does_not_exist(tmp_path):
    path = str(tmp_path / "absent")
    assert not file_lock.is_held(path)
    file_lock.wait_until_free(path)
    assert not os.path.exists(path)


def test_asking_does_not_take(tmp_path):
    path = str(tmp_path / "lock")
    fd = file_lock.open_lock(path)
    assert not file_lock.is_held(path)
    assert file_lock.try_lock(fd)
    os.close(fd)


def test_another_process_holds_it_until_it_is_killed(holder):
    path, process = holder
    fd = file_lock.open_lock(path)
    assert file_lock.is_held(path)
    assert not file_lock.try_lock(fd)
    waited = threading.Thread(target=file_lock.wait_until_free, args=(path,))
    waited.start()
    waited.join(0.05)
    assert waited.is_alive(), "it does not wait, or other threads wait with it"
    os.kill(process.pid, signal.SIGKILL)
    waited.join(10)
    assert not waited.is_alive()
    file_lock.lock(fd)
    os.close(fd)


def test_a_program_that_the_holder_starts_does_not_hold_it(tmp_path):
    path = str(tmp_path / "lock")
    fd = file_lock.open_lock(path)
    assert file_lock.try_lock(fd)
    program = [sys.executable, "-c", "print(input('here'))"]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, close_fds=False) as child:
        assert child.stdout.read(4) == b"here"
        os.close(fd)
        assert not file_lock.is_held(path)
        child.communicate(b"\n")
