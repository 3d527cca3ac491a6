"""`artifact upload` of the archive, killed in mid-transfer and run again: it goes on, and sends nothing twice."""

from __future__ import annotations

import json
import os
import signal
import stat
import sys
import threading
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Callable, Iterator, List

import pytest

from tests.fakes.conditions import until
from tests.fakes.hosted_storage import HostedStorage
from tests.fakes.installed_archive import program_of
from tests.fakes.scripted_server import Answer, Request
from tests.whole.running import Done, Running, bkagent

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are killed by signals")


class Bed:
    """A folder of files, and a storage that takes some requests and leaves the others waiting."""

    def __init__(self, archive: str, folder: Path, storage: HostedStorage) -> None:
        self.archive, self.folder, self.storage = archive, folder, storage
        self.work = folder / "work"
        self.work.mkdir()
        self.environ = {
            "BUILDKITE_AGENT_ACCESS_TOKEN": "t", "BUILDKITE_JOB_ID": "j", "HOME": str(folder / "home"),
            "BUILDKITE_AGENT_ENDPOINT": storage.server.url + "/v3",
        }  # fmt: skip
        self._taken_count, self._lock, self._ended = 0, threading.Lock(), threading.Event()
        self._first_number = 0  # of the connections that no killed command has made

    def killed_after(self, count: int, *words: str) -> None:
        """Run the command, and kill it when it knows that the storage has taken `count` requests."""
        take, limit, ended = self.storage.take, self._taken_count + count, self._ended

        def take_some(request: Request) -> Answer:
            with self._lock:
                is_taken = self._taken_count < limit and request.connection >= self._first_number
                self._taken_count += is_taken
            if is_taken:
                return take(request)
            ended.wait(60)
            return Answer(503)

        self.storage.server.routes["*"] = take_some
        before_count = self.noted_count()
        command = [*program_of(self.archive), "artifact", "upload", *words]
        with Running(command, self.work, self.folder / "said", self.environ) as running:
            until(lambda: self.noted_count() == before_count + count)
            os.kill(running.process.pid, signal.SIGKILL)
            running.process.wait(60)
        ended, self._ended = self._ended, threading.Event()
        self._leave_out_earlier()
        ended.set()

    def _leave_out_earlier(self) -> None:
        """Take nothing from now on that a killed command has sent and the server has not read yet."""
        numbers: "List[int]" = []

        def mark(request: Request) -> Answer:
            numbers.append(request.connection)
            return Answer(200)

        self.storage.server.routes["GET /mark"] = mark
        with urllib.request.urlopen(self.storage.server.url + "/mark", timeout=60):
            self._first_number = numbers[0]  # connections are taken in turn: all earlier ones have been by now
        self.storage.server.routes["*"] = lambda request: (
            Answer(503) if request.connection < self._first_number else self.storage.take(request)
        )

    def upload(self, *words: str) -> Done:
        """Run the command to its end."""
        return bkagent(self.archive, "artifact", "upload", *words, cwd=self.work, env=self.environ)

    def journals(self) -> "List[Path]":
        """Return the journals that there are."""
        return sorted((self.folder / "home" / ".buildkite-agent" / "bkagent" / "uploads").glob("*"))

    def noted_count(self) -> int:
        """Return how many parts and files the journals say have arrived."""
        lines = "".join(path.read_text() for path in self.journals()).splitlines(keepends=True)
        records = [json.loads(line.partition(" ")[2]) for line in lines if line.endswith("\n")]
        singles_count = sum("part" in record or "arrived" in record for record in records)
        return singles_count + sum(len(record.get("whole", ())) for record in records)


@pytest.fixture
def bed(archive: str, tmp_path: Path) -> Iterator["Callable[[int], Bed]"]:
    """Return a function that makes a bed whose storage takes each file in so many parts, 0 for forms."""
    storages: "List[HostedStorage]" = []

    def make(parts_count: int) -> Bed:
        storages.append(HostedStorage(parts_count, prefix="/v3"))
        return Bed(archive, tmp_path, storages[-1])

    yield make
    for storage in storages:
        storage.server.__exit__()


def check_all_arrived_once(bed: Bed, arrivals_count: int, batches_count: int) -> None:
    counts = Counter(bed.storage.arrivals)
    assert len(counts) == arrivals_count and set(counts.values()) == {1}, counts
    assert len(bed.storage.batches) == batches_count
    assert set(bed.storage.states.values()) == {"finished"}
    assert len(bed.storage.states) == len(bed.storage.records)
    assert bed.journals() == []


def test_parts_that_have_arrived_are_not_sent_again(bed: "Callable[[int], Bed]") -> None:
    with_parts = bed(6)
    content = os.urandom(100_000)
    (with_parts.work / "big").write_bytes(content)
    with_parts.killed_after(2, "big", "--concurrency", "2")
    (journal,) = with_parts.journals()
    assert stat.S_IMODE(journal.stat().st_mode) == 0o600
    with_parts.killed_after(3, "big", "--concurrency", "2")  # and again
    done = with_parts.upload("big")
    assert done.status == 0 and "Going on with an earlier upload of these files: 0 of them have arrived" in done.text
    check_all_arrived_once(with_parts, 6, 1)
    assert len(with_parts.storage.batch_ids) == 3 and len(set(with_parts.storage.batch_ids)) == 1
    assert b"".join(with_parts.storage.parts["id0"][number] for number in range(1, 7)) == content
    assert [tag["etag"] for tag in with_parts.storage.etags["id0"]] == [f'"{number}"' for number in range(1, 7)]


def test_files_that_have_arrived_are_not_sent_again(bed: "Callable[[int], Bed]") -> None:
    with_forms = bed(0)
    for number in range(70):
        (with_forms.work / f"f{number:02}").write_bytes(b"%d" % number)
    with_forms.killed_after(33, "f*")
    done = with_forms.upload("f*")
    assert done.status == 0 and "33 of them have arrived" in done.text, done.text
    check_all_arrived_once(with_forms, 70, 3)
    assert with_forms.storage.content == {f"f{number:02}": b"%d" % number for number in range(70)}


def test_another_version_of_a_file_is_another_artifact(bed: "Callable[[int], Bed]") -> None:
    with_parts = bed(3)
    (with_parts.work / "big").write_bytes(b"a" * 3000)
    with_parts.killed_after(1, "big")
    (with_parts.work / "big").write_bytes(b"b" * 3000)
    assert with_parts.upload("big").status == 0
    assert len(with_parts.storage.batches) == 2 and with_parts.storage.states == {"id1": "finished"}
    assert set(with_parts.storage.parts["id1"].values()) == {b"b" * 1000}


def cut_off(text: bytes) -> bytes:
    return text[:-5]


def change_a_tag(text: bytes) -> bytes:
    return text.replace(b'\\"1\\"', b'\\"9\\"').replace(b'\\"2\\"', b'\\"9\\"')


def leave_a_record_out(text: bytes) -> bytes:
    lines = text.splitlines(True)
    return b"".join(lines[:1] + lines[2:])


@pytest.mark.parametrize(
    "damage", [cut_off, change_a_tag, leave_a_record_out, lambda text: b"\0" * 100, lambda text: text + b"[]\n"],
    ids=["cut-off", "other-tag", "missing-record", "zeros", "no-record"],
)  # fmt: skip
def test_a_damaged_journal_is_not_believed(bed: "Callable[[int], Bed]", damage: Callable[[bytes], bytes]) -> None:
    with_parts = bed(3)
    (with_parts.work / "big").write_bytes(b"a" * 3000)
    with_parts.killed_after(2, "big", "--concurrency", "1")
    (journal,) = with_parts.journals()
    text = journal.read_bytes()
    assert damage(text) != text
    journal.write_bytes(damage(text))
    done = with_parts.upload("big")
    assert done.status == 0 and "the journal of an earlier upload" in done.text and "is not used: its" in done.text
    assert len(with_parts.storage.batches) == 2 and with_parts.storage.states == {"id1": "finished"}
    assert len(with_parts.storage.parts["id1"]) == 3 and with_parts.journals() == []


def test_a_control_plane_that_makes_other_artifacts_gets_everything(bed: "Callable[[int], Bed]") -> None:
    with_parts = bed(3)
    (with_parts.work / "big").write_bytes(b"a" * 3000)
    with_parts.killed_after(2, "big", "--concurrency", "1")
    with_parts.storage.batches.clear()  # as one that does not know that a batch was created before
    assert with_parts.upload("big").status == 0
    assert with_parts.storage.states == {"id1": "finished"} and len(with_parts.storage.parts["id1"]) == 3


def test_a_small_file_in_one_request_leaves_nothing_on_the_disk(bed: "Callable[[int], Bed]") -> None:
    with_forms = bed(0)
    (with_forms.work / "small").write_bytes(b"a")
    assert with_forms.upload("small").status == 0
    assert (
        not (with_forms.folder / "home").exists()
        or not (with_forms.folder / "home" / ".buildkite-agent" / "bkagent" / "uploads").exists()
    )
