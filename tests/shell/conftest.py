"""What the tests of the shell share: a session whose log is kept in memory."""

import os
import threading
from typing import List

import pytest

from bkagent.shell.cancellation import Cancellation
from bkagent.shell.log_lines import LogLines
from bkagent.shell.session import Session


class MemoryLog:
    """Keeps what a job's log would get, and lets a test wait for a text in it."""

    def __init__(self) -> None:
        self.lines: List[str] = []
        self._bytes = b""
        self._changed = threading.Condition()

    def child(self, data: bytes) -> None:
        with self._changed:
            self._bytes += data
            self._changed.notify_all()

    def line(self, text: str, before: str = "", after: str = "", as_it_is: bool = False) -> None:
        self.lines.append(before + text + after)

    def flush(self) -> None:
        pass

    @property
    def output(self) -> bytes:
        return self._bytes

    def await_output(self, text: bytes, limit_s: float = 20.0) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: text in self._bytes, limit_s), f"never came: {text!r}"


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
def session(log: MemoryLog, tmp_path: "os.PathLike[str]") -> Session:
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    return Session(environ, str(tmp_path), LogLines(log), cancellation=Cancellation(signal_grace_s=5.0))
