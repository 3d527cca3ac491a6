"""What is on disk is what jobs check out, and the user's repository does not notice."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from bkagent.errors import UsageError
from bkagent.localrun import changed, repository, snapshot


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


class Nest:
    """A work tree with submodules, and what a job of it gets."""

    def __init__(self, work: Path, tmp_path: Path) -> None:
        self.work, self.tmp_path = work, tmp_path

    def upstream(self, name: str) -> Path:
        folder = self.tmp_path / "upstream" / name
        folder.mkdir(parents=True)
        git(folder, "init", "-q", "-b", "main")
        (folder / "file").write_text("committed")
        (folder / ".gitignore").write_text("ignored\n")
        git(folder, "add", ".")
        git(folder, "commit", "-q", "-m", name)
        return folder

    def add(self, url: "Path | str", path: str, top: "Path | None" = None) -> Path:
        top = top or self.work
        git(top, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(url), path)
        git(top, "commit", "-q", "-m", f"add {path}")
        return top / path

    def state(self) -> "list[str]":
        return [git(self.work, *words) for words in STATE]

    def job(self, taken: snapshot.Snapshot) -> "dict[str, str]":
        out = self.tmp_path / "out"
        if not out.exists():
            git(self.tmp_path, "clone", "-q", taken.repository, str(out))
        git(out, "fetch", "-q", "origin", taken.commit)
        git(out, "checkout", "-q", "-f", taken.commit)
        git(out, "submodule", "--quiet", "sync", "--recursive")
        update = ["submodule", "--quiet", "update", "--init", "--recursive", "--force"]
        git(out, "-c", "protocol.file.allow=always", *update)
        git(out, "submodule", "--quiet", "foreach", "--recursive", "git clean -ffxdq")
        git(out, "clean", "-ffxdq")
        files = [path for path in out.rglob("*") if path.is_file() and ".git" not in path.parts]
        return {str(file.relative_to(out)): file.read_text() for file in files if not file.name.startswith(".git")}


STATE = [
    ["status", "--porcelain"], ["rev-parse", "HEAD"], ["count-objects", "-v"], ["stash", "list"], ["for-each-ref"],
    ["ls-files", "--stage"], ["config", "--list", "--local"],
    ["submodule", "foreach", "--recursive", "git status --porcelain; git count-objects -v; git ls-files --stage"],
]  # fmt: skip
TOP = {"tracked": "old", "gone": "x"}


@pytest.fixture
def nest(work: Path, tmp_path: Path) -> Nest:
    return Nest(work, tmp_path)


def test_submodules_are_what_is_on_disk(nest: Nest) -> None:
    for name in ("edited", "new", "ahead", "clean"):
        nest.add(nest.upstream(name), f"libs/{name}")
    libs = nest.work / "libs"
    (libs / "edited" / "file").write_text("edited")
    (libs / "edited" / "ignored").write_text("i")
    (libs / "new" / "more").write_text("new")
    (libs / "ahead" / "file").write_text("not pushed")
    git(libs / "ahead", "commit", "-q", "-a", "-m", "ahead")
    before = nest.state()
    taken = take(nest.work)
    assert nest.job(taken) == {
        **TOP, "libs/edited/file": "edited", "libs/new/file": "committed", "libs/new/more": "new",
        "libs/ahead/file": "not pushed", "libs/clean/file": "committed",
    }  # fmt: skip
    assert nest.state() == before
    assert taken.submodules == ("libs/ahead", "libs/clean", "libs/edited", "libs/new") and taken.left_out == ()
    assert taken.changed_count == 3
    # The folders of the jobs are used again.
    (libs / "clean" / "file").write_text("edited later")
    (libs / "edited" / "file").unlink()
    git(libs / "ahead", "reset", "-q", "--hard", "HEAD~")
    assert nest.job(take(nest.work)) == {
        **TOP, "libs/new/file": "committed", "libs/new/more": "new",
        "libs/ahead/file": "committed", "libs/clean/file": "edited later",
    }  # fmt: skip


def test_submodules_within_submodules_are_what_is_on_disk(nest: Nest) -> None:
    middle = nest.upstream("middle")
    nest.add(nest.upstream("inner"), "deps/inner", middle)
    nest.add(middle, "middle")
    git(nest.work, "-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init", "--recursive")
    (nest.work / "middle" / "deps" / "inner" / "file").write_text("edited")
    before = nest.state()
    taken = take(nest.work)
    assert nest.job(taken) == {**TOP, "middle/file": "committed", "middle/deps/inner/file": "edited"}
    assert nest.state() == before
    assert taken.submodules == ("middle", "middle/deps/inner") and taken.changed_count == 1


@pytest.mark.parametrize("place", ["moved", "to/another/depth"])
def test_a_submodule_that_was_moved_on_disk_is_where_it_is(nest: Nest, place: str) -> None:
    library = nest.add(nest.upstream("lib"), "lib")
    nest.add(nest.upstream("other"), "other")
    (library / "file").write_text("edited")
    (nest.work / place).parent.mkdir(parents=True, exist_ok=True)
    library.rename(nest.work / place)
    taken = take(nest.work)
    assert nest.job(taken) == {**TOP, "other/file": "committed", f"{place}/file": "edited"}


@pytest.mark.parametrize("has_commits", [True, False])
@pytest.mark.parametrize("has_submodules", [True, False])
def test_an_untracked_repository_is_a_submodule_for_jobs(nest: Nest, has_commits: bool, has_submodules: bool) -> None:
    if has_submodules:
        nest.add(nest.upstream("lib"), "lib")
    inner, ignored = nest.work / "below" / "nested", nest.work / "ignored"
    for folder in (inner, ignored):
        folder.mkdir(parents=True)
        git(folder, "init", "-q")
        (folder / "file").write_text("on disk")
        if has_commits:
            git(folder, "add", ".")
            git(folder, "commit", "-q", "-m", "inner")
    (inner / "new").write_text("new")
    before = git(nest.work, "status", "--porcelain"), git(inner, "status", "--porcelain")
    taken = take(nest.work)
    expected = {**TOP, "below/nested/file": "on disk", "below/nested/new": "new"}
    assert nest.job(taken) == {**expected, **({"lib/file": "committed"} if has_submodules else {})}
    assert (git(nest.work, "status", "--porcelain"), git(inner, "status", "--porcelain")) == before


def test_a_submodule_that_is_not_checked_out_comes_from_its_own_address(nest: Nest) -> None:
    origin = nest.upstream("origin")
    git(nest.work, "remote", "add", "origin", str(origin))
    library = nest.add(nest.upstream("lib"), "lib")
    nest.add(nest.upstream("edited"), "edited")
    git(nest.work, "config", "--file", ".gitmodules", "submodule.lib.url", "../lib")
    git(nest.work, "commit", "-q", "-a", "-m", "relative")
    git(nest.work, "submodule", "--quiet", "deinit", "lib")
    (nest.work / "edited" / "file").write_text("edited")
    assert not (library / "file").exists()
    taken = take(nest.work)
    assert taken.submodules == ("edited",) and taken.changed_count == 1
    assert nest.job(taken) == {**TOP, "edited/file": "edited", "lib/file": "committed"}


def test_a_submodule_that_was_removed_is_gone(nest: Nest) -> None:
    nest.add(nest.upstream("lib"), "lib")
    nest.add(nest.upstream("other"), "other")
    shutil.rmtree(str(nest.work / "lib"))
    assert nest.job(take(nest.work)) == {**TOP, "other/file": "committed"}


def test_a_commit_of_a_repository_without_an_address_keeps_no_job_from_running(nest: Nest) -> None:
    nest.add(nest.upstream("lib"), "lib")
    inner = nest.upstream("lost")
    git(nest.work, "update-index", "--add", "--cacheinfo", f"160000,{git(inner, 'rev-parse', 'HEAD')},lost")
    (nest.work / "lost").mkdir()
    assert nest.job(take(nest.work)) == {**TOP, "lib/file": "committed"}


def test_a_repository_that_git_cannot_use_is_named(nest: Nest) -> None:
    nest.add(nest.upstream("lib"), "lib")
    broken = nest.work / "broken"
    (broken / ".git").mkdir(parents=True)
    (broken / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    for name in ("objects", "refs"):
        (broken / ".git" / name).mkdir()
    (broken / ".git" / "config").write_text("[core\n")
    (broken / "file").write_text("x")
    taken = take(nest.work)
    assert taken.left_out == ("broken",)
    assert nest.job(taken) == {**TOP, "lib/file": "committed"}


@pytest.mark.parametrize("path", ["-option", "two\nlines", "other-hash"])
def test_a_repository_that_cannot_be_a_submodule_is_named(nest: Nest, path: str) -> None:
    nest.add(nest.upstream("lib"), "lib")
    inner = nest.work / path
    inner.mkdir()
    git(inner, "init", "-q", *(["--object-format=sha256"] if path == "other-hash" else []))
    (inner / "file").write_text("x")
    taken = take(nest.work)
    assert taken.left_out == (path,)
    assert nest.job(taken) == {**TOP, "lib/file": "committed"}


def test_a_link_in_a_submodules_place_is_a_link(nest: Nest) -> None:
    outside = nest.upstream("outside")
    for path in ("lib", "below/lib"):
        library = nest.add(nest.upstream(path.replace("/", "-")), path)
        shutil.rmtree(str(library))
    (nest.work / "lib").symlink_to(outside)
    (nest.work / "below").rmdir()
    (nest.work / "below").symlink_to(nest.tmp_path)
    (nest.tmp_path / "lib").symlink_to(outside)
    taken = take(nest.work)
    assert taken.submodules == () and taken.left_out == ()
    listed = git(nest.work, "--git-dir", taken.repository, "ls-tree", taken.commit, "lib", "below")
    assert [line.split()[0] for line in listed.splitlines()] == ["120000", "120000"]


def test_a_name_that_git_ignores_keeps_no_submodule_out(nest: Nest) -> None:
    library = nest.add(nest.upstream("lib"), "lib")
    git(nest.work, "config", "--file", ".gitmodules", "--rename-section", "submodule.lib", "submodule.../../lib")
    git(nest.work, "commit", "-q", "-a", "-m", "renamed")
    (library / "file").write_text("edited")
    assert nest.job(take(nest.work)) == {**TOP, "lib/file": "edited"}


def test_a_submodule_in_conflict_is_what_is_on_disk(nest: Nest) -> None:
    library = nest.add(nest.upstream("lib"), "lib")
    git(nest.work, "checkout", "-q", "-b", "topic")
    for branch in ("topic", "main"):
        git(nest.work, "checkout", "-q", branch)
        git(library, "checkout", "-q", "--detach", "main")
        (library / "file").write_text(branch)
        git(library, "commit", "-q", "-a", "-m", branch)
        git(nest.work, "commit", "-q", "-a", "-m", branch)
    subprocess.run(["git", "merge", "-q", "topic"], cwd=str(nest.work), stdout=subprocess.PIPE)
    assert git(nest.work, "status", "--porcelain") == "UU lib"
    taken = take(nest.work)
    assert taken.submodules == ("lib",)
    assert nest.job(taken) == {**TOP, "lib/file": "main"}


def test_what_is_asked_about_changes_knows_nothing_of_addresses(nest: Nest) -> None:
    library = nest.add(nest.upstream("lib"), "lib")
    git(nest.work, "update-ref", "refs/remotes/origin/main", "HEAD")
    (library / "file").write_text("edited")
    found, environ = repository.find(str(nest.work), dict(os.environ)), dict(os.environ)
    assert changed.paths(found, take(nest.work), environ) == ["lib"]


def test_branches_may_take_each_others_places(work: Path, tmp_path: Path) -> None:
    for name in ("topic", "topic/one", "topic"):
        git(work, "checkout", "-q", "--detach")
        for former in git(work, "for-each-ref", "--format=%(refname)", "refs/heads/topic").splitlines():
            git(work, "update-ref", "-d", former)
        git(work, "checkout", "-q", "-b", name)
        (work / "tracked").write_text(name)
        assert take(work).changed_count == 1


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


def test_what_a_commit_says_and_where_files_lie_is_read_also_where_there_are_line_ends(tmp_path: Path) -> None:
    work = tmp_path / "a\nb"
    work.mkdir()
    git(work, "init", "-q")
    git(work, "commit", "-q", "--allow-empty", "-m", "first line\n\nand more")
    (tmp_path / "beside").mkdir()
    git(work, "worktree", "add", "-q", "-b", "c", str(tmp_path / "beside" / "c\nd"))
    for folder in (work, tmp_path / "beside" / "c\nd"):
        found = repository.find(str(folder), dict(os.environ))
        assert (found.author, found.author_email) == ("Test", "test@example.com")
        assert found.message == "first line\n\nand more"
        assert os.path.isdir(found.objects) and os.path.exists(found.index), found
