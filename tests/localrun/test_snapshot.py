"""What is on disk is what jobs check out, and the user's repository does not notice."""

import os
import subprocess
from pathlib import Path

import pytest

from bkagent.errors import UsageError
from bkagent.localrun import repository, snapshot


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=str(folder), check=True, stdout=subprocess.PIPE).stdout.decode().strip()


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "tracked").write_text("old")
    (folder / "gone").write_text("x")
    (folder / ".gitignore").write_text("ignored\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    (folder / ".bkagent").mkdir()
    (folder / ".bkagent" / ".gitignore").write_text("*\n")
    return folder


def take(folder: Path, committed: bool = False) -> snapshot.Snapshot:
    environ = dict(os.environ)
    return snapshot.take(repository.find(str(folder), environ), str(folder / ".bkagent"), environ, committed=committed)


def checked_out(taken: snapshot.Snapshot, folder: Path) -> "dict[str, str]":
    git(folder.parent, "clone", "-q", taken.repository, str(folder))
    git(folder, "checkout", "-q", taken.commit)
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}


def test_changes_and_untracked_files_are_in_and_ignored_ones_out(work: Path, tmp_path: Path) -> None:
    (work / "tracked").write_text("new")
    (work / "untracked").write_text("u")
    (work / "ignored").write_text("i")
    (work / "gone").unlink()
    before = git(work, "status", "--porcelain"), git(work, "rev-parse", "HEAD"), git(work, "count-objects", "-v")
    taken = take(work)
    assert taken.changed_count == 3
    assert checked_out(taken, tmp_path / "out") == {"tracked": "new", "untracked": "u", ".gitignore": "ignored\n"}
    assert (
        git(work, "status", "--porcelain"),
        git(work, "rev-parse", "HEAD"),
        git(work, "count-objects", "-v"),
    ) == before


def test_committed_leaves_the_work_tree_out(work: Path, tmp_path: Path) -> None:
    (work / "tracked").write_text("new")
    taken = take(work, committed=True)
    assert taken.commit == git(work, "rev-parse", "HEAD") and taken.changed_count == 0
    assert checked_out(taken, tmp_path / "out")["tracked"] == "old"


def test_an_unchanged_work_tree_is_its_own_commit(work: Path) -> None:
    assert take(work).commit == git(work, "rev-parse", "HEAD")


def test_a_repository_before_its_first_commit_can_be_run(tmp_path: Path) -> None:
    folder = tmp_path / "fresh"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "file").write_text("x")
    (folder / ".bkagent").mkdir()
    (folder / ".bkagent" / ".gitignore").write_text("*\n")
    assert checked_out(take(folder), tmp_path / "out") == {"file": "x"}


def test_a_detached_head_can_be_run(work: Path, tmp_path: Path) -> None:
    git(work, "checkout", "-q", "--detach")
    (work / "tracked").write_text("new")
    assert checked_out(take(work), tmp_path / "out")["tracked"] == "new"


def test_a_change_within_one_tick_of_the_clock_is_seen(work: Path, tmp_path: Path) -> None:
    moment = (1_700_000_000, 1_700_000_000)
    git(work, "config", "core.trustctime", "false")
    os.utime(work / "tracked", moment)
    git(work, "update-index", "--refresh")
    with open(work / "tracked", "r+") as file:
        file.write("new")  # as long as the old content, in place
    for path in (work / "tracked", work / ".git" / "index"):
        os.utime(path, moment)
    assert checked_out(take(work), tmp_path / "out")["tracked"] == "new"


def test_repositories_within_are_named_since_their_files_are_left_out(work: Path) -> None:
    assert take(work).left_out == ()
    inner = work / "nested"
    inner.mkdir()
    git(inner, "init", "-q")
    (inner / "file").write_text("x")
    git(inner, "add", ".")
    git(inner, "commit", "-q", "-m", "inner")
    assert take(work).left_out == ("nested",)


def test_a_shallow_clone_can_be_run(work: Path, tmp_path: Path) -> None:
    (work / "tracked").write_text("second")
    git(work, "commit", "-q", "-a", "-m", "second")
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{work}", str(shallow))
    (shallow / ".bkagent").mkdir()
    (shallow / ".bkagent" / ".gitignore").write_text("*\n")
    (shallow / "new").write_text("n")
    assert checked_out(take(shallow), tmp_path / "out") == {
        "tracked": "second",
        "new": "n",
        "gone": "x",
        ".gitignore": "ignored\n",
    }


def test_outside_a_repository_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no git repository"):
        repository.find(str(tmp_path), dict(os.environ))


def test_variables_of_an_outer_git_do_not_steer(work: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    environ = dict(
        os.environ, GIT_DIR=str(other / ".git"), GIT_INDEX_FILE=str(other / "index"), GIT_WORK_TREE=str(other)
    )
    assert repository.find(str(work), environ).top == str(work)


def test_gits_own_refusal_is_said_with_its_remedy(work: Path) -> None:
    environ = {**os.environ, "GIT_TEST_ASSUME_DIFFERENT_OWNER": "1", "LC_ALL": "de_DE.UTF-8", "LANGUAGE": "de"}
    with pytest.raises(UsageError) as caught:
        repository.find(str(work), environ)
    said = str(caught.value)
    assert "dubious ownership" in said and f"safe.directory {work}" in said and "\n" not in said
    assert "no git repository" not in said


def test_a_detached_head_has_no_branch(work: Path) -> None:
    git(work, "checkout", "-q", "--detach")
    found = repository.find(str(work), dict(os.environ))
    assert found.branch == repository.DETACHED == git(work, "rev-parse", "--abbrev-ref", "HEAD")
