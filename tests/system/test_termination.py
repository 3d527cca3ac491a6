"""What was begun is undone when a signal ends the process."""

import os
import signal
import subprocess
import sys

import pytest

from tests.conftest import TOP

pytestmark = pytest.mark.skipif(os.sep == "\\", reason="signals of POSIX systems")

PROGRAM = """
import sys, time
sys.path.insert(0, sys.argv[1])
from bkagent.system import termination
def work():
    print("begun", flush=True)
    {work}
def undo():
    print("undone", flush=True)
    {undo}
termination.run_or_undo(work, undo)
print("went on", flush=True)
"""


def start(work, undo="pass"):
    argv = [sys.executable, "-c", PROGRAM.format(work=work, undo=undo), TOP]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_undoes_and_ends(number):
    with start("time.sleep(60)") as process:
        assert process.stdout.readline() == b"begun\n"
        process.send_signal(number)
        assert process.communicate(timeout=60) == (b"undone\n", b"")
    assert process.returncode == -number


def test_a_second_signal_ends_at_once():
    with start("time.sleep(60)", "time.sleep(60)") as process:
        assert process.stdout.readline() == b"begun\n"
        process.terminate()
        assert process.stdout.readline() == b"undone\n"
        process.terminate()
        assert process.wait(60) == -signal.SIGTERM


def test_an_error_undoes_and_goes_on():
    with start("raise KeyError('text')") as process:
        out, err = process.communicate(timeout=60)
    assert out == b"begun\nundone\n" and b"KeyError: 'text'" in err


def test_afterwards_signals_do_what_they_did():
    with start("pass", "raise SystemExit(3)") as process:
        assert process.communicate(timeout=60) == (b"begun\nwent on\n", b"")
    assert process.returncode == 0
