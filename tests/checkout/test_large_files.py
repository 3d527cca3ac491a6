"""Git LFS, by a script that stands in for it."""

import os

import pytest

from bkagent.errors import JobFailed


@pytest.fixture
def lfs(tmp_path, env):
    """Put a `git lfs` on the PATH that keeps its words; return how to read them."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "git-lfs"
    calls = tmp_path / "calls"
    script.write_text(
        f'#!/bin/sh\necho "$@" >> {calls}\n'
        'case "$1" in ls-files) printf "dir/a\\nother/b\\n-odd\\n";; esac\n'
        f'[ ! -e {tmp_path}/broken ] || [ "$1" != fetch ]\n'
    )
    script.chmod(0o755)
    env["PATH"] = f"{folder}{os.pathsep}{env['PATH']}"
    env["BUILDKITE_GIT_LFS_ENABLED"] = "true"
    return lambda: calls.read_text().splitlines()


@pytest.fixture
def folders(job, upstream, env):
    for name in ("dir", "other"):
        os.mkdir(os.path.join(upstream.path, name))
    env["BUILDKITE_COMMIT"] = upstream.commit("Folders", **{"dir/a": "a", "other/b": "b"})
    return job


def test_files_are_fetched_and_put_in_place(job, lfs, log):
    job.check_out()
    assert lfs() == ["version", "install --local", "fetch", "checkout"]
    assert "# Installing Git LFS filter" in log.own


def test_a_cone_limits_both_steps(folders, lfs):
    folders.check_out(GIT_SPARSE_CHECKOUT_PATHS="dir,x")
    assert lfs()[2:] == ["fetch --include=dir,x", "checkout dir x"]


def test_without_a_cone_only_kept_files_are_put_in_place(folders, lfs):
    folders.check_out(GIT_SPARSE_CHECKOUT_PATHS="/dir/*", GIT_SPARSE_CHECKOUT_MODE="no-cone")
    assert lfs()[2:] == ["fetch", "ls-files -n", "checkout dir/a ./-odd"]


def test_a_failure_is_tried_five_times_and_keeps_the_folder(job, lfs, tmp_path, log, monkeypatch):
    monkeypatch.setattr("bkagent.shell.cancellation.Cancellation.wait", lambda self, seconds: False)
    (tmp_path / "broken").touch()
    with pytest.raises(JobFailed, match="fetching LFS files: exit status 1"):
        job.check_out()
    assert lfs().count("fetch") == 5
    assert job.has(".git")
    assert sum("Checkout failed!" in line for line in log.own) == 1


def test_without_lfs_the_job_fails_before_anything_else(job, tmp_path, env):
    bin_only = tmp_path / "bin"
    bin_only.mkdir()
    (bin_only / "git").write_text('#!/bin/sh\necho "git: lfs is not a git command" >&2\nexit 1\n')
    (bin_only / "git").chmod(0o755)
    env["PATH"] = f"{bin_only}{os.pathsep}{env['PATH']}"
    with pytest.raises(JobFailed, match="Git LFS is enabled"):
        job.check_out(GIT_LFS_ENABLED="true")
