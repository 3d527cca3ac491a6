"""Checkouts that cannot go well: each says why, has the right exit status, and leaves the next job alone."""

import os
import pathlib
import subprocess
from typing import Callable, Dict

import pytest

from tests.job.conftest import MOSTLY_WARM, JobSandbox

STARTS = MOSTLY_WARM


@pytest.fixture
def repository(sandbox: JobSandbox) -> pathlib.Path:
    """A repository with a megabyte in it; the sandbox's jobs check it out."""
    folder = sandbox.root / "repository"
    _make_repository(folder)
    _check_out_from(folder, sandbox)
    return folder


def _make_repository(folder: pathlib.Path) -> None:
    (folder / ".buildkite").mkdir(parents=True)
    (folder / "megabyte").write_bytes(os.urandom(1024 * 1024))
    _commit(folder)


def _check_out_from(folder: pathlib.Path, sandbox: JobSandbox) -> None:
    del sandbox.env["BUILDKITE_SKIP_CHECKOUT"]
    sandbox.env.update(
        BUILDKITE_REPO=str(folder), BUILDKITE_COMMIT_RESOLVED="true", BUILDKITE_CHECKOUT_ATTEMPTS="1",
        BUILDKITE_SHELL="/bin/bash -e -c",
    )  # fmt: skip


def _commit(folder: pathlib.Path) -> None:
    if not (folder / ".git").exists():
        subprocess.run(["git", "init", "-q", "-b", "main"], cwd=folder, check=True)
    subprocess.run(["git", "add", "-A"], cwd=folder, check=True)
    subprocess.run(["git", "commit", "-q", "-m", "one"], cwd=folder, check=True)


def _next_job_runs(sandbox: JobSandbox) -> None:
    """A job after the bad one checks out and runs."""
    ended = sandbox.run("echo the next one runs", job_id="job-2")
    assert ended.status == 0, ended.lines
    assert ended.has("the next one runs")


BAD: "Dict[str, Dict[str, str]]" = {
    "a repository with blanks": {"BUILDKITE_REPO": "/no such folder/x y"},
    "a repository like an option": {"BUILDKITE_REPO": "--upload-pack=touch${IFS}{root}/harm"},
    "a repository that runs a program": {"BUILDKITE_REPO": "ext::sh -c touch% {root}/harm"},
    "a branch like an option": {"BUILDKITE_BRANCH": "--upload-pack=touch${IFS}{root}/harm"},
    "a commit like an option": {"BUILDKITE_COMMIT": "--output={root}/harm"},
    "a commit that climbs": {"BUILDKITE_COMMIT": "a..b"},
    "a refspec like an option": {"BUILDKITE_REFSPEC": "--upload-pack=touch${IFS}{root}/harm"},
    "flags with an open quote": {"BUILDKITE_GIT_CLONE_FLAGS": "-v 'open"},
    "flags that git does not know": {"BUILDKITE_GIT_CLONE_FLAGS": "--nonsense"},
    "an invalid pull request": {"BUILDKITE_PULL_REQUEST": "1/../../x", "BUILDKITE_PIPELINE_PROVIDER": "github"},
}


def test_a_bad_value_fails_the_job_with_a_reason(
    make_sandbox: Callable[[pathlib.Path], JobSandbox], tmp_path: pathlib.Path
) -> None:
    """Each in a sandbox of its own, and all at once: some wait for another try."""
    _make_repository(tmp_path / "repository")
    sandboxes, running = {}, {}
    for number, (what, variables) in enumerate(BAD.items()):
        root = tmp_path / str(number)
        root.mkdir()
        sandbox = sandboxes[what] = make_sandbox(root)
        _check_out_from(tmp_path / "repository", sandbox)
        bad = {name: value.replace("{root}", str(root)) for name, value in variables.items()}
        running[what] = sandbox.start("echo never", {"BUILDKITE_SSH_KEYSCAN": "false", **bad})
    for what, job in running.items():
        ended = job.end()
        assert ended.status not in (0, -1), (what, ended.lines)
        assert any("Error: " in line for line in ended.lines), what
        assert not ended.has("never"), what
        assert not (sandboxes[what].root / "harm").exists(), what
        _next_job_runs(sandboxes[what])


def test_a_folder_that_cannot_be_removed_is_named(sandbox: JobSandbox, repository: pathlib.Path) -> None:
    """A disk that is mounted in it, say: only its owner should take that away."""
    sandbox.run("mkdir keep; touch keep/me")
    mounted = ["mount", "-t", "tmpfs", "tmpfs", str(sandbox.checkout / "keep")]
    if subprocess.run(mounted, check=False, capture_output=True).returncode:
        pytest.skip("this user may mount nothing")
    try:
        running = sandbox.start("echo never", {"BUILDKITE_CLEAN_CHECKOUT": "true"}, job_id="job-2", signal_grace_s=1.0)
        running.await_text(b"Failed to remove")
        running.await_text(b"Waiting 10 seconds")
        running.signal(15)
        ended = running.end()
        assert not ended.has("never")
    finally:
        subprocess.run(["umount", str(sandbox.checkout / "keep")], check=True)
    ended = sandbox.run("ls -A", {"BUILDKITE_CLEAN_CHECKOUT": "true"}, job_id="job-3")
    assert ended.status == 0, ended.lines
    assert not ended.has("keep")


def test_a_disk_that_is_full_fails_the_checkout_and_not_the_next_job(
    sandbox: JobSandbox, repository: pathlib.Path
) -> None:
    mounted = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(sandbox.checkout)]
    if subprocess.run(mounted, check=False, capture_output=True).returncode:
        pytest.skip("this user may mount nothing")
    inner = str(sandbox.checkout / "work")
    try:
        ended = sandbox.run("echo never", {"BUILDKITE_BUILD_CHECKOUT_PATH": inner})
        assert ended.status == 128, ended.lines
        assert any("No space left on device" in line for line in ended.lines)
        assert not ended.has("never")
        bigger = ["mount", "-o", "remount,size=20m", str(sandbox.checkout)]
        subprocess.run(bigger, check=True)
        sandbox.env["BUILDKITE_BUILD_CHECKOUT_PATH"] = inner
        _next_job_runs(sandbox)
    finally:
        subprocess.run(["umount", "-l", str(sandbox.checkout)], check=True)


def test_a_hook_that_deletes_its_own_folder_ends_as_it_began(sandbox: JobSandbox, repository: pathlib.Path) -> None:
    hooks = repository / ".buildkite" / "hooks"
    hooks.mkdir()
    (hooks / "pre-command").write_text("rm -rf .buildkite\nexport LEFT=yes\n", encoding="ascii")
    (hooks / "post-command").write_text("echo never\n", encoding="ascii")
    _commit(repository)
    ended = sandbox.run("echo left=$LEFT")
    assert ended.status == 0, ended.lines
    assert ended.has("left=yes")
    assert not ended.has("never")
    _next_job_runs(sandbox)


def test_a_hook_that_deletes_the_checkout_fails_the_command(sandbox: JobSandbox, repository: pathlib.Path) -> None:
    sandbox.hook("pre-command", 'rm -rf "$PWD"')
    ended = sandbox.run("echo never")
    assert ended.status == 1
    assert any("process working directory" in line and "doesn't exist" in line for line in ended.lines)
    (sandbox.hooks / "pre-command").unlink()
    _next_job_runs(sandbox)


def test_hooks_behind_a_link_out_of_the_checkout_do_not_run(sandbox: JobSandbox, repository: pathlib.Path) -> None:
    outside = sandbox.root / "outside"
    outside.mkdir()
    (outside / "pre-command").write_text("echo never\n", encoding="ascii")
    os.symlink(str(outside), str(repository / ".buildkite" / "hooks"))
    _commit(repository)
    ended = sandbox.run("echo runs")
    assert ended.status == 0, ended.lines
    assert ended.has("runs")
    assert not ended.has("never")
