"""Artifacts land under their folder whatever path a job gives them."""

import os
from pathlib import Path

import pytest

from bkagent.localrun.keeping import inside, keep_artifact, keep_log


@pytest.mark.parametrize("path", ["../x", "a/../../x", "..\\x", "C:\\x", "", ".", "a/..", "x\0y", "//"])
def test_paths_that_lead_elsewhere_are_refused(tmp_path: Path, path: str) -> None:
    assert inside(str(tmp_path), path) is None


def test_an_absolute_path_is_taken_as_one_below_the_folder(tmp_path: Path) -> None:
    assert inside(str(tmp_path), "/etc/passwd") == os.path.join(str(tmp_path), "etc", "passwd")


def test_a_link_that_stands_in_the_way_is_not_followed(tmp_path: Path) -> None:
    folder, outside, stored = tmp_path / "artifacts", tmp_path / "outside", tmp_path / "stored"
    folder.mkdir(), outside.mkdir(), stored.write_text("content")
    (folder / "link").symlink_to(outside)
    assert keep_artifact(str(folder), "link/x", str(stored)) is None
    (folder / "file").symlink_to(outside / "victim")
    assert keep_artifact(str(folder), "file", str(stored)) == str(folder / "file")
    assert not (outside / "victim").exists() and (folder / "file").read_text() == "content"


def test_a_log_is_kept_as_plain_text(tmp_path: Path) -> None:
    path = keep_log(str(tmp_path / "logs"), "01-x", b"\x1b_bk;t=1\x07\x1b[31mred\x1b[0m\r\nlast")
    with open(path, encoding="utf-8") as file:
        assert file.read() == "red\nlast\n"


def test_a_kept_log_breaks_no_line_however_long(tmp_path: Path) -> None:
    long = b"x" * 200_000
    path = keep_log(str(tmp_path), "log", long + b"\r\n" + long)
    assert [len(line) for line in Path(path).read_text().split("\n")] == [200_000, 200_000, 0]
