"""A bell between processes."""

import os
import subprocess
import sys
import threading

import pytest

from bkagent.system import wake

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@pytest.fixture
def path(tmp_path):
    made = str(tmp_path / "wake")
    wake.make(made)
    return made


def test_a_ring_is_heard_once_and_rings_add_up_to_one(path):
    listener, ringer = wake.Listener(path), wake.Ringer(path)
    assert not listener.wait(0)
    for _ in range(100):
        ringer.ring()
    assert listener.wait(0)
    assert not listener.wait(0)
    listener.close()
    ringer.close()


def test_ringing_never_blocks_and_waits_for_a_listener(path):
    ringer = wake.Ringer(path)
    for _ in range(200_000):  # more than any pipe holds
        ringer.ring()
    listener = wake.Listener(path)
    assert listener.wait(10)
    listener.close()
    ringer.close()


def test_another_process_wakes_a_sleeping_thread(path):
    listener = wake.Listener(path)
    heard = []
    sleeper = threading.Thread(target=lambda: heard.append(listener.wait(30)))
    sleeper.start()
    program = "import sys; sys.path.insert(0, sys.argv[1]); from bkagent.system import wake;"
    program += "wake.Ringer(sys.argv[2]).ring()"
    subprocess.run([sys.executable, "-c", program, TOP, path], check=True)
    sleeper.join(10)
    assert heard == [True]
    listener.close()


def test_a_listener_outlives_its_ringers(path):
    listener = wake.Listener(path)
    wake.Ringer(path).close()
    assert not listener.wait(0.01), "a ringer that is gone must not look like rings without end"
    listener.ring()
    assert listener.wait(10)
    listener.close()


def test_a_file_system_without_fifos_is_looked_at_now_and_then(path):
    os.unlink(path)
    with open(path, "w"):
        pass
    listener, ringer = wake.Listener(path), wake.Ringer(path)
    ringer.ring()
    assert listener.wait(30)
    assert listener.wait(None)


def test_the_bell_is_made_once(path):
    with pytest.raises(FileExistsError):
        wake.make(path)
