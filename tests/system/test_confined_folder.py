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


@pytest.mark.skipif(not hasattr(os, "O_PATH"), reason="folders that cannot be listed need O_PATH")
def test_no_descriptor_is_left_open(root: ConfinedFolder, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    before = len(os.listdir("/proc/self/fd"))
    with root.new_file(["a", "x"]) as new:
        new.put()
    for parts in (["file", "x"], ["a", "x", "y"]):
        with pytest.raises(OSError):
            root.new_file(parts)
    assert len(os.listdir("/proc/self/fd")) == before
