"""Files below a folder, on every system; what links do is in whole/test_artifact_destinations.py."""

import gc
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Iterator

import pytest

from bkagent.system.confined_folder import ConfinedFolder, LinkInTheWay
from tests.fakes.conditions import until


@pytest.fixture
def root(tmp_path: Path) -> Iterator[ConfinedFolder]:
    opened = ConfinedFolder(str(tmp_path))
    yield opened
    opened.close()


def test_a_file_appears_when_it_is_put(root: ConfinedFolder, tmp_path: Path) -> None:
    with root.new_file(["a", "b", "x"]) as new:
        new.file.write(b"content")
        assert not (tmp_path / "a" / "b" / "x").exists()
        new.put()
    assert (tmp_path / "a" / "b" / "x").read_bytes() == b"content" and os.listdir(tmp_path / "a" / "b") == ["x"]


def test_what_is_not_put_goes(root: ConfinedFolder, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"before")
    with pytest.raises(RuntimeError), root.new_file(["x"]) as new:
        new.file.write(b"half")
        raise RuntimeError
    assert os.listdir(tmp_path) == ["x"] and (tmp_path / "x").read_bytes() == b"before"


def test_small_files_are_written_at_once_into_folders_that_come_and_go(root: ConfinedFolder, tmp_path: Path) -> None:
    for number in range(100):  # more folders than are held open, some of them in turn
        root.write_file(["a", str(number % 70), f"x{number}"], b"%d" % number)
    assert sorted(path.read_bytes() for path in tmp_path.rglob("x*")) == sorted(b"%d" % number for number in range(100))
    if os.name == "posix":
        shutil.rmtree(tmp_path / "a")
        root.write_file(["a", "29", "again"], b"whole")
        assert (tmp_path / "a" / "29" / "again").read_bytes() == b"whole"


def test_a_small_file_replaces_what_bears_its_name_but_no_folder(root: ConfinedFolder, tmp_path: Path) -> None:
    (tmp_path / "victim").write_bytes(b"precious")
    if os.name == "posix":
        (tmp_path / "x").symlink_to("victim")
    for content in (b"one", b""):
        root.write_file(["x"], content)
        assert (tmp_path / "x").read_bytes() == content and not (tmp_path / "x").is_symlink()
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError):
        root.write_file(["folder"], b"content")
    assert sorted(os.listdir(tmp_path)) == ["folder", "victim", "x"]
    assert (tmp_path / "victim").read_bytes() == b"precious"


@pytest.mark.skipif(os.name != "posix", reason="links need rights there, and a folder in use cannot be moved")
def test_a_link_in_place_of_a_folder_is_not_followed_by_the_next_file(root: ConfinedFolder, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    root.write_file(["a", "b", "x"], b"content")
    shutil.rmtree(tmp_path / "a")
    (tmp_path / "a").symlink_to("elsewhere")
    with pytest.raises(LinkInTheWay):
        root.write_file(["a", "b", "y"], b"content")
    assert os.listdir(tmp_path / "elsewhere") == []


@pytest.mark.skipif(os.name != "posix", reason="limits of files are there alone")
def test_a_small_file_that_finds_no_room_is_not_there() -> None:
    program = (
        "import os, resource, signal, sys; from bkagent.system.confined_folder import ConfinedFolder; "
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "root = ConfinedFolder(sys.argv[1])\n"
        "try: root.write_file(['a', 'x'], bytes(1001))\n"
        "except OSError as problem: print(problem.errno == __import__('errno').EFBIG, os.listdir(sys.argv[1] + '/a'))"
    )
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([sys.executable, "-c", program, folder], stdout=subprocess.PIPE, check=True, text=True)
    assert done.stdout == "True []\n"


def test_a_file_gets_another_name(root: ConfinedFolder, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"content")
    for _ in range(2):
        root.link_file(str(tmp_path / "source"), ["k", "name"])
    assert (tmp_path / "k" / "name").read_bytes() == b"content"


@pytest.mark.parametrize("parts", [["file", "x"], ["file", "deep", "x"]])
def test_a_file_is_no_folder(root: ConfinedFolder, tmp_path: Path, parts: "list[str]") -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError):
        root.new_file(parts)
    with pytest.raises(NotADirectoryError):
        ConfinedFolder(str(tmp_path / "file"))
    with pytest.raises(FileNotFoundError):
        ConfinedFolder(str(tmp_path / "none"))


def test_a_link_in_the_way_is_named(root: ConfinedFolder, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    try:
        (tmp_path / "a" / "link").symlink_to(tmp_path, target_is_directory=True)
    except OSError:
        pytest.skip("links need rights here")
    if not (tmp_path / "a" / "link").is_symlink():
        pytest.skip("this system only says that it has made a link")  # Wine
    for make in (root.new_file, lambda parts: root.link_file(str(tmp_path / "x"), parts)):
        with pytest.raises(LinkInTheWay) as caught:
            make(["a", "link", "x"])
        assert caught.value.filename == "a/link"


def test_what_is_kept_is_gone_on_with_by_one_process_at_a_time(root: ConfinedFolder, tmp_path: Path) -> None:
    for content in (b"one", b"onetwo"):
        new = root.kept_file(["a", "x"], "x.part")
        assert new is not None
        with new:
            new.file.seek(0, os.SEEK_END)
            new.file.write(content[-3:])
            assert root.kept_file(["a", "x"], "x.part") is None
            new.keep()
        assert (tmp_path / "a" / "x.part").read_bytes() == content
    last = root.kept_file(["a", "x"], "x.part")
    assert last is not None
    with last:
        last.put()
    assert os.listdir(tmp_path / "a") == ["x"] and (tmp_path / "a" / "x").read_bytes() == b"onetwo"


def test_what_is_neither_put_nor_kept_goes(root: ConfinedFolder, tmp_path: Path) -> None:
    new = root.kept_file(["x"], "x.part")
    assert new is not None
    with new:
        new.file.write(b"half")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("kind", ["folder", "link", "second-name", "pipe"])
def test_what_is_no_file_of_that_name_alone_is_left_alone(root: ConfinedFolder, tmp_path: Path, kind: str) -> None:
    (tmp_path / "victim").write_bytes(b"precious")
    if kind == "folder":
        (tmp_path / "x.part").mkdir()
    elif kind == "second-name":
        os.link(tmp_path / "victim", tmp_path / "x.part")
    elif os.name == "nt":
        pytest.skip("this needs rights there, or does not exist")
    elif kind == "link":
        (tmp_path / "x.part").symlink_to("victim")
    else:
        os.mkfifo(tmp_path / "x.part")
    assert root.kept_file(["x"], "x.part") is None
    assert (tmp_path / "victim").read_bytes() == b"precious"


def test_files_are_read_where_no_link_leads_to_them(root: ConfinedFolder, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_bytes(b"content")
    with root.read_file(["a", "x"]) as file:
        assert file.read() == b"content"
    for parts in (["a"], ["none"], ["none", "x"], ["a", "x", "y"]):
        with pytest.raises(OSError):
            root.read_file(parts)
    assert not (tmp_path / "none").exists()
    if os.name != "nt":
        (tmp_path / "link").symlink_to("a")
        (tmp_path / "a" / "y").symlink_to("x")
        for parts in (["link", "x"], ["a", "y"]):
            with pytest.raises(OSError):
                root.read_file(parts)


def test_a_folder_says_whether_case_counts(root: ConfinedFolder, tmp_path: Path) -> None:
    (tmp_path / "name").touch()
    assert root.tells_case_apart() != (tmp_path / "NAME").exists()
    assert os.listdir(tmp_path) == ["name"]


def open_count() -> int:
    """Return how many descriptors are open, without those of other tests that wait for the garbage collector."""
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.skipif(not hasattr(os, "O_PATH"), reason="folders that cannot be listed need O_PATH")
def test_no_descriptor_is_left_open(root: ConfinedFolder, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    before = open_count()
    with root.new_file(["a", "x"]) as new:
        new.put()
    for make in (root.new_file, root.read_file, lambda parts: root.kept_file(parts, "x.part")):
        for parts in (["file", "x"], ["a", "x", "y"]):
            with pytest.raises(OSError):
                make(parts)
    for _ in range(2):
        kept = root.kept_file(["x"], "x.part")
        assert kept is not None and root.kept_file(["x"], "x.part") is None
        with kept:
            kept.keep()
    root.tells_case_apart()
    until(lambda: open_count() <= before)
    other = ConfinedFolder(str(tmp_path))
    for number in range(100):
        other.write_file([str(number), "x"], b"content")
        with pytest.raises(OSError):
            other.write_file([".", str(number)], b"content")
    assert open_count() < before + 40
    other.close()
    until(lambda: open_count() <= before)
