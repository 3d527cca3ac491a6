"""Files below a folder, on every system; what links do is in whole/test_artifact_destinations.py."""

import os
from pathlib import Path
from typing import Iterator

import pytest

from bkagent.system.confined_folder import ConfinedFolder, LinkInTheWay


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


@pytest.mark.skipif(not hasattr(os, "O_PATH"), reason="folders that cannot be listed need O_PATH")
def test_no_descriptor_is_left_open(root: ConfinedFolder, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    before = len(os.listdir("/proc/self/fd"))
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
    assert len(os.listdir("/proc/self/fd")) == before
