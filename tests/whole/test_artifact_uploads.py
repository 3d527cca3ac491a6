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
from tests.fakes.other_user import NOBODY, commons, python_of_all, run_as
from tests.fakes.scripted_server import Answer, Raw
from tests.whole.running import Done, bkagent

__all__ = ["commons"]
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


def test_a_dry_run_prints_what_would_go_where_and_sends_nothing(bed: Bed) -> None:
    bed.plant({"a": b"x" * 1000, "b\nc": b"", "other": b"y"})
    done = bed.upload("a;b*", "--dry-run")
    assert done.status == 0 and done.out == "a\t1000\t\nb\\nc\t0\t\n", done.text
    assert "2 files (1000 B) would be uploaded to default Buildkite artifact storage; nothing was sent" in done.err
    assert not bed.storage.server.seen
    done = bed.upload("none*", "--dry-run")
    assert done.status == 0 and done.out == "" and "No files matched" in done.err


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_what_cannot_be_read_is_named_and_the_rest_arrives(bed: Bed) -> None:
    bed.plant({"a": b"x" * 1000, "b": b"y"})
    (bed.work / "gone").symlink_to("nowhere")
    (bed.work / "self").symlink_to("self")
    dry = bed.upload("*", "--dry-run")
    assert dry.status == 1 and dry.out == "a\t1000\t\nb\t1\t\n" and not bed.storage.server.seen, dry.text
    done = bed.upload("*")
    assert done.status == 1 and bed.storage.content == {"a": b"x" * 1000, "b": b"y"}, done.text
    for text, words in ((dry.err, "Would not be uploaded: "), (done.err, " could not be uploaded: ")):
        assert text.count(words) == 2 and "gone: no such file" in text and "self: too many levels of" in text
    assert list(bed.storage.states.values()) == ["finished", "finished"]
    alone = bed.upload("--literal", "gone")
    assert alone.status == 1 and "errors uploading artifacts: gone: " in alone.err and len(bed.storage.states) == 2


def test_a_file_of_another_user_is_named_and_the_rest_arrives(archive: str, commons: Path) -> None:
    storage, copied = HostedStorage(prefix="/v3"), commons / "archive.pyz"
    copied.write_bytes(Path(archive).read_bytes())
    for name, mode in (("mine.txt", 0o644), ("small.txt", 0o600), ("large.txt", 0o600)):
        (commons / name).write_bytes(b"x" * (100_000 if name == "large.txt" else 10))
        (commons / name).chmod(mode)
    with storage.server as server:
        flags = ["--endpoint", server.url + "/v3", "--agent-access-token", "t", "--job", "j"]
        words = [python_of_all(), str(copied), "artifact", "upload", *flags, "*.txt"]
        done = run_as(NOBODY, *words, cwd=str(commons), env={"HOME": str(commons / "none"), "LANG": "C.UTF-8"})
    assert done.returncode == 1 and storage.content == {"mine.txt": b"x" * 10}, done.stderr
    assert all(f"{name}.txt: permission denied" in done.stderr for name in ("small", "large"))


def test_a_dry_run_says_where_in_another_store_files_would_go(bed: Bed) -> None:
    bed.plant({"a b": b"x"})
    bed.environ.update({
        "BUILDKITE_ARTIFACTORY_URL": bed.storage.server.url + "/art", "BUILDKITE_ARTIFACTORY_USER": "u",
        "BUILDKITE_ARTIFACTORY_PASSWORD": "p",
    })  # fmt: skip
    done = bed.upload("a*", "rt://repo/dir", "--dry-run")
    assert done.status == 0 and done.out == f"a b\t1\t{bed.storage.server.url}/art/repo/dir/a%20b\n", done.text
    assert 'would be uploaded to Artifactory ("rt://repo/dir")' in done.err and not bed.storage.server.seen
    done = bed.upload("a*", "ftp://x", "--dry-run")
    assert done.status == 1 and "invalid upload destination: 'ftp://x'" in done.err


def test_names_of_all_kinds_arrive(bed: Bed) -> None:
    names = ["with\nnewline", "n" * 250, "sp ace", "ünïcode", "-dash", 'quo"te', "back\\slash", "%41", "a;b"]
    if sys.platform == "win32":
        names = ["n" * 100, "sp ace", "ünïcode", "-dash", "%41", "a;b"]
    bed.plant({name: name.encode() for name in names})
    folder = bed.work / ("d" * 200) / ("e" * 200)
    folder.mkdir(parents=True)
    (folder / "deep").write_bytes(b"deep")
    done = bed.upload("**/*")
    assert done.status == 0, done.text
    paths = {record["path"]: id for id, record in bed.storage.records.items()}
    assert set(paths) == {*names, f"{'d' * 200}/{'e' * 200}/deep"}
    assert {bed.storage.states[id] for id in paths.values()} == {"finished"}
    assert all(line.startswith("20") or not line for line in done.err.split("\n"))  # no name begins a line of its own


ODD_ANSWERS = {
    "html": Answer(201, body=b"<html><body>welcome</body></html>"),
    "half": Raw(b'HTTP/1.1 201 Created\r\nContent-Length: 5000\r\n\r\n{"artifact_ids": ['),
    "other-shape": Answer(201, {"artifact_ids": "id0"}),
    "no-instructions": Answer(201, {"artifact_ids": ["id0"]}),
}


@pytest.mark.parametrize("kind", ODD_ANSWERS)
def test_an_odd_answer_to_the_creation_is_tried_again(bed: Bed, kind: str) -> None:
    bed.plant({"a": b"x"})
    bed.storage.server.routes["POST /v3/jobs/j/artifacts"] = [ODD_ANSWERS[kind], bed.storage.create]
    done = bed.upload("a")
    assert done.status == 0 and "Attempt 1/10" in done.err and "Traceback" not in done.err, done.text
    assert list(bed.storage.states.values()) == ["finished"]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(503, body=b"<html>" + b"x" * 5000, headers={"Retry-After": "0"}),
        Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n<h"), Raw(b"<html>busy</html>"), Raw(reset=True),
    ],
    ids=["busy", "half", "no-http", "reset"],
)  # fmt: skip
def test_an_odd_answer_of_the_storage_is_tried_again(bed: Bed, answer: object) -> None:
    bed.plant({"a": b"x", "b": b"y"})
    take = bed.storage.server.routes["*"]
    bed.storage.server.routes["*"] = [answer, take]
    done = bed.upload("a;b")
    assert done.status == 0 and "Traceback" not in done.err, done.text
    assert bed.storage.content == {"a": b"x", "b": b"y"} and len(done.err) < 5000
