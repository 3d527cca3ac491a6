"""Names of signals, and a process that ends by one."""

import os
import subprocess
import sys

import pytest

from bkagent.system import signals

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@pytest.mark.parametrize(
    ("name", "number"), [("SIGTERM", 15), ("sigterm", 15), ("SIGHUP", 1), ("SIGUSR1", 10), ("SIGKILL", 9)]
)
def test_signals_that_may_be_configured_have_numbers(name: str, number: int) -> None:
    assert signals.number(name) == number


@pytest.mark.parametrize("name", ["TERM", "", "SIGSTOP", "SIGTERM ", "15"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f'unknown signal "{name}"'):
        signals.number(name)


def test_signals_are_described_in_words() -> None:
    assert signals.description("SIGTERM") == "terminated"
    assert signals.description("SIGSEGV") == "segmentation fault"
    assert signals.description("64") == "signal 64"


_PROGRAM = """
import sys, threading
sys.path.insert(0, sys.argv[1])
from bkagent.system import signals
heard = threading.Event()
name = []
signals.catch_endings(lambda one: (name.append(one), heard.set()))
print("ready", flush=True)
heard.wait()
print(name[0], flush=True)
if len(sys.argv) > 2:
    threading.Event().wait()
signals.die_by(name[0])
"""


_NOT_HANDLED = """
import os, signal, sys, threading
sys.path.insert(0, sys.argv[1])
from bkagent.system import signals
print(repr(signals.heard()))
threading.Thread.start = lambda self: None  # no thread comes to its turn
signals.catch_endings(lambda name: None)
os.kill(os.getpid(), signal.SIGTERM)
print(signals.heard())
"""


@pytest.mark.skipif(os.sep == "\\", reason="POSIX signals")
def test_a_signal_is_known_before_its_handler_has_been_called() -> None:
    argv = [sys.executable, "-c", _NOT_HANDLED, TOP]
    output = subprocess.run(argv, stdout=subprocess.PIPE, check=True, timeout=60).stdout
    assert output.split() == [b"''", b"SIGTERM"]


@pytest.mark.skipif(os.sep == "\\", reason="POSIX signals")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1"])
@pytest.mark.parametrize("again", [False, True])
def test_the_first_signal_is_heard_and_the_second_ends_the_process(name: str, again: bool) -> None:
    import signal

    number = getattr(signal, name)
    argv = [sys.executable, "-c", _PROGRAM, TOP, *(["again"] if again else [])]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        assert process.stdout.readline() == name.encode() + b"\n"
        if again:
            process.send_signal(number)
        # A main thread that sleeps on everything but its own signals may leave the second to the watching thread.
        assert process.wait(30) in (-number, 128 + number)
