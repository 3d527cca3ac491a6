"""Artifacts land under their folder whatever path a job gives them."""

import os
from pathlib import Path

import pytest

from bkagent.localrun.export import keep_artifact, keep_log, steps


@pytest.mark.parametrize("path", ["../x", "a/../../x", "..\\x", "C:\\x", "", ".", "a/..", "x\0y", "//"])
def test_paths_that_lead_elsewhere_are_refused(path: str) -> None:
    assert steps(path) == []


def test_an_absolute_path_is_taken_as_one_below_the_folder(tmp_path: Path) -> None:
    (tmp_path / "stored").write_text("content")
    folder = tmp_path / "artifacts"
    assert keep_artifact(str(folder), "/etc/x", str(tmp_path / "stored")) == os.path.join(str(folder), "etc", "x")
    assert (folder / "etc" / "x").read_text() == "content"


def test_a_link_that_stands_in_the_way_is_not_followed(tmp_path: Path) -> None:
    folder, outside, stored = tmp_path / "artifacts", tmp_path / "outside", tmp_path / "stored"
    folder.mkdir(), outside.mkdir(), stored.write_text("content")
    (folder / "link").symlink_to(outside)
    assert keep_artifact(str(folder), "link/x", str(stored)) is None
    (folder / "file").symlink_to(outside / "victim")
    assert keep_artifact(str(folder), "file", str(stored)) == str(folder / "file")
    assert not (outside / "victim").exists() and (folder / "file").read_text() == "content"


def test_a_file_and_a_folder_of_one_name_are_not_both_kept(tmp_path: Path) -> None:
    folder, stored = tmp_path / "artifacts", tmp_path / "stored"
    stored.write_text("content")
    assert keep_artifact(str(folder), "a", str(stored)) and keep_artifact(str(folder), "a", str(stored))
    assert keep_artifact(str(folder), "a/b", str(stored)) is None
    assert keep_artifact(str(folder), "c/d", str(stored)) and keep_artifact(str(folder), "c", str(stored)) is None
    assert sorted(os.listdir(folder)) == ["a", "c"] and stored.read_text() == "content"


def test_a_log_is_not_written_where_a_link_leads(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "01-x.log").symlink_to("victim")
    keep_log(str(tmp_path), "01-x", b"log\n")
    assert (tmp_path / "victim").read_text() == "precious" and (tmp_path / "01-x.log").read_text() == "log\n"


def test_a_log_is_kept_as_plain_text(tmp_path: Path) -> None:
    path = keep_log(str(tmp_path / "logs"), "01-x", b"\x1b_bk;t=1\x07\x1b[31mred\x1b[0m\r\nlast")
    with open(path, encoding="utf-8") as file:
        assert file.read() == "red\nlast\n"


def test_a_kept_log_breaks_no_line_however_long(tmp_path: Path) -> None:
    long = b"x" * 200_000
    path = keep_log(str(tmp_path), "log", long + b"\r\n" + long)
    assert [len(line) for line in Path(path).read_text().split("\n")] == [200_000, 200_000, 0]
