"""`artifact download` of the archive into folders that others have prepared: nothing leaves them, nothing is lost."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Callable, Dict, Iterator, Optional

import pytest

from tests.fakes.scripted_server import Answer, ScriptedServer
from tests.whole.running import Done, bkagent

Download = Callable[..., Done]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
TRAVERSAL = "allow-artifact-path-traversal"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Return a folder with the destination `dl`, and `out` beside it, where nothing may land."""
    for name in ("dl", "out"):
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.fixture
def download(archive: str, work: Path) -> Iterator[Download]:
    """Return a function that downloads artifacts, by path, into a destination."""
    with ScriptedServer() as server:

        def run(files: Dict[str, bytes], destination: str = "dl", env: Optional[Dict[str, str]] = None) -> Done:
            rows = []
            for number, (path, content) in enumerate(files.items()):
                server.routes[f"GET /get/{number}"] = Answer(200, body=content)
                rows.append({"path": path, "file_size": len(content), "url": f"{server.url}/get/{number}"})
            server.routes["GET /v3/builds/b/artifacts/search"] = (200, rows)
            reach = {"BUILDKITE_AGENT_ENDPOINT": server.url + "/v3", "BUILDKITE_AGENT_ACCESS_TOKEN": "t"}
            words = ("artifact", "download", "*", destination, "--build", "b")
            return bkagent(archive, *words, cwd=work, env={**reach, "HOME": str(work / "home"), **(env or {})})

        yield run


def names(folder: Path) -> "list[str]":
    return sorted(os.listdir(folder))


@pytest.mark.parametrize("points_to", ["../out", "{work}/out", "real", "../dl/real", "nowhere"])
def test_a_link_below_the_destination_is_not_followed(download: Download, work: Path, points_to: str) -> None:
    (work / "dl" / "real").mkdir()
    (work / "dl" / "sub").symlink_to(points_to.format(work=work))
    done = download({"sub/x.txt": b"x", "deep/x.txt": b"y"})
    assert done.status == 1 and done.text.count("sub is a symbolic link, which is not followed; remove it") == 1, (
        done.text
    )
    assert names(work / "out") == [] and names(work / "dl" / "real") == []
    assert (work / "dl" / "deep" / "x.txt").read_bytes() == b"y"  # the others arrive


def test_a_link_further_below_is_not_followed(download: Download, work: Path) -> None:
    (work / "dl" / "a").mkdir()
    (work / "dl" / "a" / "b").symlink_to(work / "out")
    assert "a/b is a symbolic link" in download({"a/b/c/x.txt": b"x"}).text
    assert names(work / "out") == []


def test_links_at_and_above_the_destination_are_followed(download: Download, work: Path) -> None:
    (work / "at").symlink_to("dl")
    (work / "above").symlink_to(work)
    assert download({"x": b"1"}, "at").status == 0
    assert download({"at/y": b"2"}, "at").status == 0  # the same folder, by the name of its link
    assert download({"sub/z": b"3"}, "above/dl").status == 0
    assert [(work / "dl" / name).read_bytes() for name in ("x", "y", "sub/z")] == [b"1", b"2", b"3"]
    assert (work / "at").is_symlink()


@pytest.mark.parametrize("give_name", [os.symlink, os.link])
def test_what_another_name_leads_to_is_not_written_to(
    download: Download, work: Path, give_name: Callable[[str, str], None]
) -> None:
    victim = work / "out" / "victim"
    victim.write_bytes(b"precious")
    give_name(str(victim), str(work / "dl" / "x.txt"))
    assert download({"x.txt": b"artifact"}).status == 0
    assert victim.read_bytes() == b"precious" and (work / "dl" / "x.txt").read_bytes() == b"artifact"
    assert not (work / "dl" / "x.txt").is_symlink() and names(work / "dl") == ["x.txt"]


def test_a_folder_that_becomes_a_link_meanwhile_lets_nothing_out(download: Download, work: Path) -> None:
    exchange = getattr(ctypes.CDLL(None), "renameat2", None)
    if exchange is None:
        pytest.skip("this C library cannot exchange two names at once")
    (work / "dl" / "sub").mkdir()
    (work / "dl" / "link").symlink_to(work / "out")
    names_of_both = (str(work / "dl" / "sub").encode(), str(work / "dl" / "link").encode())
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            exchange(-100, names_of_both[0], -100, names_of_both[1], 2)  # AT_FDCWD, RENAME_EXCHANGE

    swapper = threading.Thread(target=swap, daemon=True)
    swapper.start()
    try:
        download({f"sub/{number}/x": b"x" for number in range(200)})
    finally:
        stop.set()
        swapper.join()
    assert names(work / "out") == []


@pytest.mark.parametrize(
    ("prepare", "says"),
    [
        (lambda dl: (dl.rmdir(), dl.write_bytes(b"f")), "dl is not a directory"),
        (lambda dl: dl.rmdir(), "could not find information about destination"),
        (lambda dl: (dl.rmdir(), dl.symlink_to("dl")), "too many levels of symbolic links"),
        (lambda dl: (dl / "sub").write_bytes(b"f"), "sub/x.txt: not a directory"),
        (lambda dl: (dl / "sub" / "x.txt" / "y").mkdir(parents=True), "sub/x.txt: is a directory"),
    ],
)
def test_what_is_no_place_for_it_is_named(
    download: Download, work: Path, prepare: Callable[[Path], object], says: str
) -> None:
    prepare(work / "dl")
    done = download({"sub/x.txt": b"x"})
    assert done.status == 1 and done.text.count(says) == 1 and "Traceback" not in done.text, done.text
    assert not list(work.glob("**/.x.txt*"))


@pytest.fixture
def mount(work: Path) -> Iterator[Callable[[str], Path]]:
    """Return a function that mounts a small file system on `dl/sub`, with options."""
    folder = work / "dl" / "sub"
    folder.mkdir()

    def attach(options: str) -> Path:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(folder)], stderr=subprocess.DEVNULL)
        if done.returncode:
            pytest.skip("file systems cannot be mounted here: that needs root")
        return folder

    yield attach
    subprocess.run(["umount", str(folder)], stderr=subprocess.DEVNULL)


def test_a_mount_is_a_folder_like_others(download: Download, mount: Callable[[str], Path]) -> None:
    folder = mount("size=1m")
    assert download({"sub/x": b"x"}).status == 0 and (folder / "x").read_bytes() == b"x"


def test_a_full_destination_keeps_what_it_had(download: Download, mount: Callable[[str], Path]) -> None:
    folder = mount("size=64k")
    (folder / "x").write_bytes(b"before")
    done = download({"sub/x": b"x" * 500_000})
    assert done.status == 1 and done.text.count("no space left on device") == 1, done.text
    assert names(folder) == ["x"] and (folder / "x").read_bytes() == b"before"


def test_a_destination_that_is_read_only_is_said_so(download: Download, mount: Callable[[str], Path]) -> None:
    folder = mount("size=64k,ro")
    done = download({"sub/x": b"x"})
    assert done.status == 1 and done.text.count("read-only file system") == 1, done.text
    assert names(folder) == []


def test_the_old_experiment_still_leaves_the_folder_and_warns(download: Download, work: Path) -> None:
    (work / "dl" / "sub").symlink_to("../out")
    experiment = {"BUILDKITE_AGENT_EXPERIMENT": TRAVERSAL}
    done = download({"sub/x": b"x", "../out/y": b"y"}, env=experiment)
    assert done.status == 0 and f'The experiment "{TRAVERSAL}" lets artifacts' in done.text
    assert names(work / "out") == ["x", "y"]
    done = download({"sub/z": b"z", "../out/w": b"w"}, env={**experiment, "BKAGENT_COMPAT": "4"})
    assert done.status == 1 and "has no effect in version 4" in done.text
    assert names(work / "out") == ["x", "y"] and (work / "dl" / "out" / "w").read_bytes() == b"w"
