"""On old Pythons the tests start programs by vfork: what a program gets is what `subprocess` itself gives it."""

from __future__ import annotations

import _posixsubprocess
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict

import pytest

from tests.fakes import vfork_starts

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or sys.version_info >= (3, 10), reason="subprocess has vfork from Python 3.10 on"
)
# Prints where and as what a program runs, and which descriptors it has.
SHOW = """
import os, signal, sys
print(os.getcwd(), sorted(os.environ.items()), sys.argv, os.getsid(0) == os.getpid(), flush=True)
print(sorted(os.listdir("/proc/self/fd"))[:-1], signal.pthread_sigmask(signal.SIG_BLOCK, []), sys.stdin.read(9))
print([number for number in range(1, 32) if signal.getsignal(number) == signal.SIG_IGN], flush=True)
print("to standard error", file=sys.stderr)
"""
WAYS: "Dict[str, Dict[str, Any]]" = {
    "plain": {},
    "folder": {"cwd": "/usr"},
    "environment": {"env": {"A": "1", "B": "ü"}},
    "session": {"start_new_session": True},
    "signals as they are": {"restore_signals": False},
    "joined streams": {"stderr": subprocess.STDOUT},
    "no standard input": {"stdin": subprocess.DEVNULL, "input": None},
    "all descriptors": {"close_fds": False},
    "a function before": {"preexec_fn": os.getpid},
    "standard output as both": {"stdout": 1, "stderr": 1},
}


def run(words: Any, **options: Any) -> Any:
    """Return what a program does, or how its start fails."""
    given = {"input": b"some input", "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    if given["input"] is None:
        del given["input"]
    try:
        done = subprocess.run(words, **given)
    except OSError as error:
        return type(error), error.errno, error.filename
    return done.returncode, done.stdout, done.stderr


def both(monkeypatch: pytest.MonkeyPatch, words: Any, **options: Any) -> Any:
    """Return what both ways to start a program make of it, once each."""
    results = []
    for fork_exec in (vfork_starts._fork_exec, vfork_starts._Starter(vfork_starts.ctypes.CDLL(None)).start):
        monkeypatch.setattr(_posixsubprocess, "fork_exec", fork_exec)
        results.append(run(words, **options))
    return results


@pytest.mark.parametrize("way", WAYS)
def test_a_program_gets_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: str) -> None:
    assert signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN  # as every Python has it
    with open(tmp_path / "passed", "w+b") as passed, open(tmp_path / "inheritable", "w+b") as inheritable:
        os.set_inheritable(inheritable.fileno(), True)
        for pass_fds in ((), (passed.fileno(),)) if WAYS[way].get("close_fds", True) else ((),):
            forked, spawned = both(
                monkeypatch, [sys.executable, "-c", SHOW, "x", b"\xff"], pass_fds=pass_fds, **WAYS[way]
            )
            assert forked == spawned and forked[0] == 0


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (["/no/such/program"], {}),
        (["no-such-program"], {}),
        (["./no-such-program"], {"cwd": "/usr"}),
        (["true"], {"cwd": "/no/such/folder"}),
        (["/usr"], {}),
        (["/etc/passwd"], {}),
        (["sh", "-c", "kill -9 $$"], {}),
        (["./sh", "-c", "pwd"], {"cwd": "/bin"}),
        ("echo $0 shell", {"shell": True}),
        (["true"], {"env": {"PATH": "/nowhere"}}),
    ],
)  # fmt: skip
def test_what_cannot_be_started_fails_in_the_same_way(
    monkeypatch: pytest.MonkeyPatch, words: Any, options: Any
) -> None:
    forked, spawned = both(monkeypatch, words, **options)
    assert forked == spawned
