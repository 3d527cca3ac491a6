"""Ending what a process has started."""

import subprocess
import sys
import time

import pytest

from bkagent.system import process_group

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sessions are POSIX's")


def is_running(pid):
    with_state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return with_state.stdout.strip()[:1] not in ("", "Z")


def test_a_leader_is_asked_by_name():
    child = subprocess.Popen(["sleep", "60"], start_new_session=True)
    process_group.ask_to_end(child.pid, "SIGUSR1")
    assert child.wait(30) == -10


@pytest.mark.skipif(sys.platform != "linux", reason="descendants are found by /proc")
def test_what_left_the_group_is_killed_too():
    script = (
        "import subprocess; p = subprocess.Popen(['sleep', '60'], start_new_session=True); "
        "print(p.pid, flush=True); p.wait()"
    )
    child = subprocess.Popen([sys.executable, "-c", script], start_new_session=True, stdout=subprocess.PIPE, text=True)
    grandchild = int(child.stdout.readline())
    process_group.kill(child.pid)
    assert child.wait(30) == -9
    end = time.monotonic() + 30
    while is_running(grandchild) and time.monotonic() < end:
        time.sleep(0.01)
    assert not is_running(grandchild)
    child.stdout.close()


def test_a_process_that_is_gone_is_no_error():
    child = subprocess.Popen(["true"], start_new_session=True)
    child.wait()
    process_group.ask_to_end(child.pid, "SIGTERM")
    process_group.kill(child.pid)
