"""What a job held is free when its process is gone, by the kernel's lock."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
from pathlib import Path
from typing import List, Tuple

import pytest

from bkagent.localapi.leader.holder_watch import HolderWatch

WAIT_S = 30.0
HOLD = """
import sys
from bkagent.system import file_lock
fd = file_lock.open_lock(sys.argv[1])
file_lock.lock(fd)
print("held", flush=True)
sys.stdin.read()
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no Unix sockets")


class Witness:
    """What a watch has told and reported."""

    def __init__(self) -> None:
        self.paths: "queue.Queue[str]" = queue.Queue()
        self.reports: "queue.Queue[Tuple[str, ...]]" = queue.Queue()
        self.watch = HolderWatch(lambda *about: self.reports.put(about))

    def begin(self, path: Path) -> None:
        self.watch.watch(str(path), self.paths.put)


def hold(path: Path) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        cwd=os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))),
    )  # fmt: skip
    assert process.stdout is not None and process.stdout.readline() == b"held\n"
    return process


def test_the_end_of_a_killed_job_is_told_once_for_all_who_asked(tmp_path: Path) -> None:
    witness, paths = Witness(), [tmp_path / "alive", tmp_path / "other"]
    processes = [hold(path) for path in paths]
    try:
        for _ in range(3):
            witness.begin(paths[0])
        witness.begin(paths[1])
        processes[0].send_signal(signal.SIGKILL)
        assert witness.paths.get(timeout=WAIT_S) == str(paths[0])
        processes[1].send_signal(signal.SIGKILL)
        assert witness.paths.get(timeout=WAIT_S) == str(paths[1])
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    witness.begin(paths[0])  # what comes from a job that has ended is told at once
    assert witness.paths.get(timeout=WAIT_S) == str(paths[0])
    assert witness.paths.empty() and witness.reports.empty()


def test_a_missing_file_is_a_job_that_has_ended(tmp_path: Path) -> None:
    witness = Witness()
    (tmp_path / "file").touch()
    for path in (tmp_path / "missing" / "alive", tmp_path / "file" / "alive"):
        witness.begin(path)
        assert witness.paths.get(timeout=WAIT_S) == str(path)


def test_what_is_no_lock_file_is_named_and_frees_nothing(tmp_path: Path) -> None:
    witness = Witness()
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("fifo")
    (tmp_path / "folder").mkdir()
    reports: List[str] = []
    for name in ("fifo", "link", "folder"):
        witness.begin(tmp_path / name)
        level, text, event = witness.reports.get(timeout=WAIT_S)
        assert level == "warn" and event == "locks.watch_failed" and str(tmp_path / name) in text
        reports.append(text)
    assert len(reports) == 3 and witness.paths.empty()
