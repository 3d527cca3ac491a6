"""Checkouts that borrow from mirrors, and the locks between agents."""

import os
import threading
import time

import pytest

from bkagent.checkout.mirrors import mirror_settings
from bkagent.checkout.work import Work
from bkagent.errors import Cancelled, CheckoutLockExpired
from bkagent.git.location import mirror_folder
from bkagent.git.outcome import GitFailed
from bkagent.system import file_lock


@pytest.fixture
def mirrored(job, tmp_path, env, upstream):
    env["BUILDKITE_GIT_MIRRORS_PATH"] = str(tmp_path / "mirrors")
    job.mirror = str(tmp_path / "mirrors" / mirror_folder(upstream.path))
    return job


def test_a_first_job_makes_the_mirror_and_borrows_from_it(mirrored, upstream, log):
    mirrored.check_out()
    above = os.path.dirname(mirrored.mirror)
    assert log.own[2:8] == [
        f'# Creating "{above}"',
        f"$ cd {above}",
        f'# Cloning a mirror of the repository to "{mirrored.mirror}"',
        f"$ git clone --mirror -v -- {upstream.path} {mirrored.mirror}",
        f"$ cd {mirrored.folder}",
        f"$ git clone -v --reference {mirrored.mirror} -- {upstream.path} .",
    ]
    assert mirrored.read(".git/objects/info/alternates") == f"{mirrored.mirror}/objects\n"
    assert mirrored.session.env["BUILDKITE_REPO_MIRROR"] == mirrored.mirror
    assert mirrored.session.cwd == mirrored.folder


def test_a_commit_in_the_mirror_is_not_fetched_again(mirrored, upstream, log):
    mirrored.check_out()
    log.bytes = b""
    mirrored.check_out(COMMIT=upstream.second)
    assert f'# Commit "{upstream.second}" exists in mirror' in log.own
    assert not any("--git-dir" in line for line in log.own)
    assert mirrored.git("rev-parse", "HEAD") == upstream.second


def test_a_branch_is_fetched_into_the_mirror(mirrored, upstream, log):
    mirrored.check_out()
    fresh = upstream.commit("Commit 6", new="x")
    log.bytes = b""
    mirrored.check_out(COMMIT="HEAD", GIT_FETCH_FLAGS="--no-tags")
    assert "# Updating existing repository mirror to find commit HEAD" in log.own
    assert f"$ git --git-dir {mirrored.mirror} fetch -- origin refs/heads/main" in log.own
    assert mirrored.git("rev-parse", "HEAD") == fresh


@pytest.mark.parametrize(
    "variables, comment, refspec",
    [
        ({"REFSPEC": "refs/heads/feature/x"}, "custom refspec refs/heads/feature/x", "refs/heads/feature/x"),
        (
            {"PULL_REQUEST": "12", "PIPELINE_PROVIDER": "github", "COMMIT": "HEAD"},
            "pull request head from GitHub",
            "refs/pull/12/head",
        ),
    ],
)
def test_refspecs_and_pull_requests_are_fetched_into_the_mirror(mirrored, log, variables, comment, refspec):
    mirrored.check_out()
    log.bytes = b""
    mirrored.check_out(**{"COMMIT": "HEAD", **variables})
    assert f"# Fetching and mirroring {comment}" in log.own
    assert f"$ git --git-dir {mirrored.mirror} fetch -- origin {refspec}" in log.own


def test_a_merge_commit_that_the_mirror_cannot_fetch_hints_at_a_conflict(mirrored, log):
    mirrored.check_out()
    log.bytes = b""
    with pytest.raises(GitFailed, match="conflicts with its base branch") as failed:
        mirrored.check_out(
            PULL_REQUEST="999", PIPELINE_PROVIDER="github", COMMIT="HEAD", CHECKOUT_ATTEMPTS="1",
            PULL_REQUEST_USING_MERGE_REFSPEC="true",
        )  # fmt: skip
    assert str(failed.value).startswith("getting/updating git mirror: exit status 128\n")
    assert "# Fetching and mirroring pull request merge commit from GitHub" in log.own
    fetch = f"$ git --git-dir {mirrored.mirror} fetch -- origin refs/pull/999/merge"
    assert log.own.count(fetch) == 1, "a missing merge is not asked for again, as in the reference since 3.137.1"


def test_dissociate_leaves_nothing_borrowed(mirrored, upstream, log):
    mirrored.check_out(GIT_MIRROR_CHECKOUT_MODE="dissociate")
    assert f"$ git clone -v --reference {mirrored.mirror} --dissociate -- {upstream.path} ." in log.own
    assert not mirrored.has(".git", "objects", "info", "alternates")


def test_the_mode_may_change_between_jobs(mirrored, log):
    mirrored.check_out()
    mirrored.check_out(GIT_MIRROR_CHECKOUT_MODE="dissociate")
    assert "$ git repack -a -d" in log.own
    assert not mirrored.has(".git", "objects", "info", "alternates")
    mirrored.git("fsck")
    mirrored.check_out()
    assert mirrored.read(".git/objects/info/alternates") == f"{mirrored.mirror}/objects\n"


def test_without_update_a_missing_mirror_is_done_without(mirrored, upstream, log):
    mirrored.check_out(GIT_MIRRORS_SKIP_UPDATE="true")
    assert log.own[2:5] == [
        f"# Skipping update and using existing mirror for repository {upstream.path} at {mirrored.mirror}.",
        f"# No existing mirror found for repository {upstream.path} at {mirrored.mirror}.",
        f"$ git clone -v -- {upstream.path} .",
    ]
    assert mirrored.session.env["BUILDKITE_REPO_MIRROR"] == ""


def test_a_clean_checkout_borrows_from_a_snapshot(mirrored, log):
    mirrored.check_out(CLEAN_CHECKOUT="true")
    (snapshot,) = mirrored.left
    assert snapshot.startswith(os.path.join(os.path.dirname(mirrored.mirror), "snapshots", ""))
    assert mirrored.read(".git/objects/info/alternates") == f"{snapshot}/objects\n"
    assert f"$ git clone --mirror -- {mirrored.mirror} {snapshot}" in log.own


def test_a_mirror_of_another_address_is_pointed_to_the_repository(mirrored, upstream, make_repository, log):
    other = make_repository("mai n")
    other.commit("Other", other="x")
    mirrored.check_out()
    moved = other.path.replace("mai n", "mai-n")
    os.rename(other.path, moved)
    os.rename(mirrored.mirror, os.path.join(os.path.dirname(mirrored.mirror), mirror_folder(moved)))
    mirrored.check_out(REPO=moved, COMMIT="HEAD")
    mirror = os.path.join(os.path.dirname(mirrored.mirror), mirror_folder(moved))
    assert f"$ git --git-dir {mirror} remote set-url origin {moved}" in log.own
    assert f"$ git --git-dir {mirror} gc" in log.own


def test_a_failed_clone_leaves_no_mirror(mirrored, tmp_path, log):
    missing = str(tmp_path / "nothing")
    with pytest.raises(Exception, match="getting/updating git mirror: exit status 128"):
        mirrored.check_out(REPO=missing, CHECKOUT_ATTEMPTS="1")
    assert not os.path.exists(os.path.join(os.path.dirname(mirrored.mirror), mirror_folder(missing)))


def test_a_clone_that_dies_half_way_leaves_no_mirror(mirrored, tmp_path, log):
    dying = tmp_path / "bin" / "git"
    dying.parent.mkdir()
    dying.write_text('#!/bin/sh\nfor last; do :; done\nmkdir -p "$last"\nexit 9\n')
    dying.chmod(0o755)
    mirrored.env["PATH"] = f"{dying.parent}{os.pathsep}{mirrored.env['PATH']}"
    with pytest.raises(Exception, match="getting/updating git mirror: exit status 9"):
        mirrored.check_out(CHECKOUT_ATTEMPTS="1")
    assert f'# Removing mirror dir "{mirrored.mirror}" due to failed clone' in log.own
    assert not os.path.exists(mirrored.mirror)


@pytest.mark.parametrize("which", ["clone", "update"])
def test_a_lock_that_is_held_too_long_ends_the_job_with_94(mirrored, log, which):
    os.makedirs(mirrored.mirror)
    held = file_lock.open_lock(f"{mirrored.mirror}.{which}lockf")
    assert file_lock.try_lock(held)
    try:
        with pytest.raises(CheckoutLockExpired) as failed:
            mirrored.check_out(GIT_MIRRORS_LOCK_TIMEOUT="0")
    finally:
        os.close(held)
    assert failed.value.exit_code == 94
    sentence = f"Checkout could not acquire the {which} lock before timing out"
    assert f"⚠️ Warning: {sentence}" in log.own
    assert not any("Removing" in line for line in log.own)


def test_a_lock_is_waited_for(mirrored, upstream, log):
    os.makedirs(os.path.dirname(mirrored.mirror))
    path = f"{mirrored.mirror}.clonelockf"
    held = file_lock.open_lock(path)
    assert file_lock.try_lock(held)

    def release():
        until = time.monotonic() + 20
        while not any("Could not acquire" in line for line in log.own) and time.monotonic() < until:
            time.sleep(0.01)
        os.close(held)

    thread = threading.Thread(target=release)
    thread.start()
    mirrored.check_out()
    thread.join()
    assert f'# Could not acquire lock on "{path}" (locked by another process)' in log.own
    assert "# Trying again in 1s..." in log.own
    assert mirrored.git("rev-parse", "HEAD") == upstream.first


def test_waiting_for_a_lock_can_be_cancelled(mirrored, log):
    os.makedirs(os.path.dirname(mirrored.mirror))
    held = file_lock.open_lock(f"{mirrored.mirror}.clonelockf")
    assert file_lock.try_lock(held)
    session, settings = mirrored.start()
    from bkagent.checkout.checkout_folder import enter
    from bkagent.checkout.run import check_out

    enter(session)
    timer = threading.Timer(0.1, session.cancellation.request)
    timer.start()
    try:
        with pytest.raises(Cancelled):
            check_out(session, settings, mirrored.left.append)
    finally:
        os.close(held)
        timer.join()
    assert "⚠️ Warning: Checkout was cancelled" in log.own


@pytest.mark.parametrize(
    "name",
    [
        "core.sshCommand", "core.gitProxy", "core.hooksPath", "core.fsmonitor", "core.worktree",
        "core.alternateRefsCommand",
        "gc.recentObjectsHook", "pager.fetch", "credential.helper", "credential.https://x.test.helper", "http.proxy",
        "includeIf.gitdir:/.path", "extensions.worktreeConfig", "remote.origin.proxy", "remote.other.url",
        "remote.origin.uploadpack", "protocol.ext.allow", "fetch.fsckObjects", "fetch.bundleURI", "url.x.insteadOf",
    ],
)  # fmt: skip
def test_a_setting_that_no_clone_writes_is_named(mirrored, upstream, name):
    upstream.git("clone", "-q", "--mirror", ".", mirrored.mirror)
    session, settings = mirrored.start()
    work = Work(session, settings, mirrored.left.append)
    session.cwd = os.path.dirname(mirrored.mirror)
    assert mirror_settings.unexpected(work, mirrored.mirror) == ""
    upstream.git("--git-dir", mirrored.mirror, "config", name, "x")
    section, _, key = name.rpartition(".")
    first, dot, rest = section.partition(".")
    listed = f"{first.lower()}{dot}{rest}.{key.lower()}"
    assert mirror_settings.unexpected(work, mirrored.mirror) == f"its configuration has {listed}"


def test_a_configuration_that_git_cannot_read_is_that_of_a_damaged_mirror(mirrored, upstream):
    upstream.git("clone", "-q", "--mirror", ".", mirrored.mirror)
    with open(os.path.join(mirrored.mirror, "config"), "a") as file:
        file.write("[core\n")
    session, settings = mirrored.start()
    work = Work(session, settings, mirrored.left.append)
    with pytest.raises(GitFailed, match="^its configuration cannot be read: exit status 128$") as failed:
        mirror_settings.unexpected(work, mirrored.mirror)
    assert failed.value.is_of_damage
