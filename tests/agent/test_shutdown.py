"""Stopping in levels."""

import os
import subprocess
import sys
import threading

import pytest

from bkagent.agent.shutdown import FORCED, GRACEFUL, Shutdown
from bkagent.config.launching.self_command import code_root

# Signals itself while nothing obeys, then obeys; ends with the level of the stop.
OF_ITSELF = """
import sys
sys.path.insert(0, sys.argv[1])
import os, signal, threading
from bkagent.agent.shutdown import Shutdown
from bkagent.cli.start import signals
stop = Shutdown()
following = signals.follow(stop, lambda level, text, event="": None)
following.pause()
for name in sys.argv[2:]:
    os.kill(os.getpid(), getattr(signal, name))
assert threading.active_count() == 1 and stop.level == 0
following.resume()
stop.wait(30)
os._exit(stop.level)
"""


def test_the_level_only_rises():
    stop = Shutdown()
    assert not stop.wait(0)
    stop.request(FORCED)
    stop.request(GRACEFUL)
    assert stop.level == FORCED and stop.wait(0) and stop.wait(0, FORCED)


def test_every_waiting_thread_is_woken():
    stop = Shutdown()
    woken = []
    waiter = threading.Thread(target=lambda: woken.append(stop.wait(60)))
    waiter.start()
    stop.request(GRACEFUL)
    waiter.join(30)
    assert woken == [True] and not stop.wait(0, FORCED)


def test_callbacks_hear_each_rise_once_and_a_late_one_hears_what_was():
    stop, heard, late = Shutdown(), [], []
    remove = stop.on_request(heard.append)
    stop.request(GRACEFUL)
    stop.request(GRACEFUL)
    stop.on_request(late.append)
    remove()
    stop.request(FORCED)
    assert heard == [GRACEFUL] and late == [GRACEFUL, FORCED]


def test_an_endless_wait_is_no_overflow():
    stop = Shutdown()
    threading.Timer(0.01, stop.request, (GRACEFUL,)).start()
    assert stop.wait(float("inf"))


@pytest.mark.skipif(os.sep == "\\", reason="Windows has neither these signals nor forks")
@pytest.mark.parametrize("name, level", [("SIGTERM", GRACEFUL), ("SIGQUIT", FORCED)])
def test_a_signal_that_comes_while_the_agent_forks_is_obeyed_after_it(name, level):
    argv = [sys.executable, "-I", "-S", "-c", OF_ITSELF, code_root(), name]
    assert subprocess.run(argv, timeout=60, check=False).returncode == level
