"""Git LFS itself: large files of a repository at a `file://` address, which it serves without a server."""

import os
import shutil

import pytest

pytestmark = pytest.mark.skipif(shutil.which("git-lfs") is None, reason="needs git-lfs")

BIG = "large\n" * 20_000


@pytest.fixture
def large(job, env, upstream):
    """A job of a commit with large files in two folders, whose checkout has LFS turned on."""
    upstream.git("lfs", "install", "--local")
    upstream.git("lfs", "track", "*.bin")
    for name in ("one", "two"):
        os.mkdir(os.path.join(upstream.path, name))
    files = {"one/a.bin": BIG, "two/b.bin": BIG[::-1], "one/small.txt": "small\n"}
    env["BUILDKITE_COMMIT"] = upstream.commit("Large files", **files)
    env["BUILDKITE_REPO"] = "file://" + upstream.path
    env["BUILDKITE_GIT_LFS_ENABLED"] = "true"
    env["GIT_LFS_SKIP_SMUDGE"] = "1"  # as the set-up of a job has it
    env["BUILDKITE_CHECKOUT_ATTEMPTS"] = "1"
    return job


def pointer(text):
    return text.startswith("version https://git-lfs")


def test_files_are_there_whole(large):
    large.check_out()
    assert large.read("one/a.bin") == BIG
    assert large.read("two/b.bin") == BIG[::-1]


def test_a_later_commit_brings_its_own(large, upstream):
    large.check_out()
    fresh = upstream.commit("Larger", **{"one/a.bin": BIG * 2})
    large.check_out(COMMIT=fresh)
    assert large.read("one/a.bin") == BIG * 2


@pytest.mark.parametrize("mode", ["cone", "no-cone"])
def test_a_sparse_checkout_brings_what_it_keeps(large, mode):
    large.check_out(GIT_SPARSE_CHECKOUT_PATHS="one", GIT_SPARSE_CHECKOUT_MODE=mode)
    assert large.read("one/a.bin") == BIG
    assert not large.has("two", "b.bin")


def test_without_lfs_the_pointers_are_what_is_checked_out(large):
    large.check_out(GIT_LFS_ENABLED="false")
    assert pointer(large.read("one/a.bin"))


def test_an_object_that_no_server_has_fails_the_checkout_and_keeps_the_folder(large, upstream, log, monkeypatch):
    from bkagent.errors import JobFailed

    monkeypatch.setattr("bkagent.shell.cancellation.Cancellation.wait", lambda self, seconds: False)
    shutil.rmtree(os.path.join(upstream.path, ".git", "lfs", "objects"))
    with pytest.raises(JobFailed, match="fetching LFS files"):
        large.check_out()
    assert large.has(".git")
    assert sum("git lfs fetch" in line for line in log.own) == 5
