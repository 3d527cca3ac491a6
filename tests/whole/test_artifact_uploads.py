"""`artifact upload` of the archive, as a process of its own, against a control plane and its storage over loopback."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Dict, Iterator, List

import pytest

from tests.fakes.hosted_storage import HostedStorage
from tests.whole.running import Done, bkagent

TOKEN = {"BUILDKITE_AGENT_ACCESS_TOKEN": "t", "BUILDKITE_JOB_ID": "j"}


class Bed:
    """A folder of files, and a storage to upload them to."""

    def __init__(self, archive: str, folder: Path, storage: HostedStorage) -> None:
        self.archive, self.folder, self.storage = archive, folder, storage
        self.work = folder / "work"
        self.work.mkdir()
        self.environ = {
            **TOKEN, "BUILDKITE_AGENT_ENDPOINT": storage.server.url + "/v3", "HOME": str(folder / "home"),
        }  # fmt: skip

    def plant(self, files: "Dict[str, bytes]") -> None:
        """Write files."""
        for name, content in files.items():
            (self.work / name).write_bytes(content)

    def upload(self, *words: str) -> Done:
        """Run the command to its end."""
        return bkagent(self.archive, "artifact", "upload", *words, cwd=self.work, env=self.environ)


@pytest.fixture
def bed(archive: str, tmp_path: Path) -> Iterator[Bed]:
    storage = HostedStorage(prefix="/v3")
    with storage.server:
        yield Bed(archive, tmp_path, storage)


def on_terminal(bed: Bed, *words: str) -> "tuple[int, str]":
    """Run the command with its standard error on a terminal; return its status, and what that was sent."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    command = [sys.executable, bed.archive, "artifact", "upload", *words]
    environ = {**bed.environ, "PATH": os.environ["PATH"], "TERM": "xterm"}
    running = subprocess.Popen(command, cwd=bed.work, env=environ, stdin=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    pieces: "List[bytes]" = []
    try:
        while True:
            piece = os.read(ours, 4096)
            if not piece:
                break
            pieces.append(piece)
    except OSError:  # Linux says so when the last process has closed its side
        pass
    finally:
        os.close(ours)
    return running.wait(60), b"".join(pieces).decode()


def slow_down(storage: HostedStorage) -> None:
    """Have the storage take its time for each file."""
    take = storage.take

    def take_slowly(request: object) -> object:
        time.sleep(0.25)
        return take(request)

    storage.server.routes["*"] = take_slowly


def test_a_terminal_shows_a_bar_and_keeps_the_messages(bed: Bed) -> None:
    bed.plant({f"f{number}": b"x" * 1000 for number in range(4)})
    slow_down(bed.storage)
    status, text = on_terminal(bed, "f*", "--concurrency", "1")
    assert status == 0
    assert "\r\x1b[KUploading [" in text and "/3.9 KiB" in text and "/4 files" in text, text
    plain = [line.rpartition("\x1b[K")[2] for line in text.split("\n")]
    assert sum("Uploading id" in line for line in plain) == 4 and "completed successfully" in text
    assert text.rstrip().rpartition("\x1b[K")[2].count("#") == 0  # nothing of the bar stays


def test_nothing_but_messages_goes_elsewhere(bed: Bed) -> None:
    bed.plant({f"f{number}": b"x" * 1000 for number in range(4)})
    slow_down(bed.storage)
    done = bed.upload("f*", "--concurrency", "1")
    assert done.status == 0 and "\x1b" not in done.text and "[#" not in done.text


def test_a_terminal_inside_a_job_has_no_bar(bed: Bed) -> None:
    bed.plant({f"f{number}": b"x" * 1000 for number in range(4)})
    slow_down(bed.storage)
    bed.environ["BUILDKITE_AGENT_JOB_API_SOCKET"] = str(bed.folder / "no-socket")
    status, text = on_terminal(bed, "f*", "--concurrency", "1")
    assert "Uploading [" not in text
