"""What a failed checkout leaves behind, how often it is tried, and what it says."""

import os
import threading
import time

import pytest

from bkagent.checkout.attempts import TimedOut, decide
from bkagent.checkout.verification import VerificationFailed
from bkagent.errors import Cancelled, CheckoutLockExpired, JobFailed
from bkagent.git.outcome import GitFailed, Kind


def test_a_missing_repository_is_tried_again_from_nothing(job, tmp_path, log):
    missing = str(tmp_path / "nothing")
    with pytest.raises(JobFailed) as failed:
        job.check_out(REPO=missing, CHECKOUT_ATTEMPTS="2")
    assert str(failed.value) == "cloning git repository: exit status 128"
    assert failed.value.exit_code == 128
    assert [line for line in log.own if "Remote Git" not in line][2:] == [
        f"$ git clone -v -- {missing} .",
        next(line for line in log.own if "Attempt 1/2 Retrying in " in line),
        f"# Removing {job.folder}",
        f'# Creating "{job.folder}"',
        f"$ git clone -v -- {missing} .",
        "⚠️ Warning: Checkout failed! cloning git repository: exit status 128 (Attempt 2/2)",
        f"# Removing {job.folder}",
        f'# Creating "{job.folder}"',
    ]


def test_the_second_attempt_may_succeed(job, upstream, log):
    hidden = upstream.path + "-hidden"
    os.rename(upstream.path, hidden)
    waits = []

    def come_back():
        waits.append(1)
        os.rename(hidden, upstream.path)

    session, settings = job.start(CHECKOUT_ATTEMPTS="2")
    wait = session.cancellation.wait
    session.cancellation.wait = lambda seconds: come_back() or wait(0)
    from bkagent.checkout.checkout_folder import enter
    from bkagent.checkout.run import check_out

    enter(session)
    check_out(session, settings, job.left.append)
    assert job.git("rev-parse", "HEAD") == upstream.first
    assert waits == [1]


def test_a_missing_branch_keeps_the_folder(job, log):
    with pytest.raises(JobFailed) as failed:
        job.check_out(COMMIT="HEAD", BRANCH="nowhere", CHECKOUT_ATTEMPTS="1")
    assert str(failed.value) == 'fetching branch "nowhere": exit status 128'
    assert "# Attempt 1/1" in log.own
    assert job.has(".git")
    assert not any("Removing" in line for line in log.own)


def test_a_missing_commit_removes_the_folder(job, log):
    commit = "1234567890" * 4
    with pytest.raises(JobFailed) as failed:
        job.check_out(COMMIT=commit, CHECKOUT_ATTEMPTS="1")
    assert str(failed.value) == f'fetching commit "{commit}": fetching refspecs [{commit}]: exit status 128'
    assert f"# Removing {job.folder}" in log.own
    assert os.listdir(job.folder) == []


@pytest.mark.parametrize("commit", ["--upload-pack=touch", "a..b", "HEAD~1"])
def test_a_commit_that_is_no_reference_is_refused(job, log, commit):
    with pytest.raises(JobFailed, match="is not a valid git ref format") as failed:
        job.check_out(COMMIT=commit, CHECKOUT_ATTEMPTS="1", REFSPEC="main")
    assert failed.value.exit_code == 1
    assert not any("checkout -f" in line for line in log.own)


def test_a_branch_that_looks_like_an_option_is_none(job, tmp_path, log):
    with pytest.raises(JobFailed, match="is not a valid name of a branch"):
        job.check_out(COMMIT="HEAD", BRANCH=f"--upload-pack=touch {tmp_path}/proof", CHECKOUT_ATTEMPTS="1")
    with pytest.raises(JobFailed, match="exit status 128"):
        job.check_out(COMMIT="HEAD", BRANCH="--upload-pack=false", CHECKOUT_ATTEMPTS="1")
    assert any("find remote ref refs/heads/--upload-pack=false" in line for line in log.lines)
    assert not os.path.exists(tmp_path / "proof")


@pytest.mark.parametrize("repository", ["--upload-pack=touch proof", "ext::sh -c touch% proof"])
def test_a_repository_that_would_run_a_program_does_not(job, repository):
    with pytest.raises(JobFailed):
        job.check_out(REPO=repository, CHECKOUT_ATTEMPTS="1")
    assert not job.has("proof")


def test_an_unknown_sparse_mode_fails_at_once(job, log):
    with pytest.raises(Exception, match=r'^invalid sparse checkout mode "odd", must be one of \[cone no-cone\]$'):
        job.check_out(GIT_SPARSE_CHECKOUT_MODE="odd")


def test_a_cancelled_job_stops_between_attempts(job, tmp_path, log):
    session, settings = job.start(REPO=str(tmp_path / "nothing"))
    from bkagent.checkout.checkout_folder import enter
    from bkagent.checkout.run import check_out

    enter(session)
    thread = threading.Thread(target=_until(lambda: any("Retrying" in line for line in log.own), session))
    thread.start()
    with pytest.raises(Cancelled):
        check_out(session, settings, job.left.append)
    thread.join()


def test_git_that_a_cancellation_ends_is_not_tried_again(job, tmp_path, log):
    script = tmp_path / "bin" / "git"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\necho started\nexec sleep 60\n")
    script.chmod(0o755)
    job.env["PATH"] = f"{script.parent}{os.pathsep}{job.env['PATH']}"
    session, settings = job.start()
    from bkagent.checkout.checkout_folder import enter
    from bkagent.checkout.run import check_out

    enter(session)
    thread = threading.Thread(target=_until(lambda: "started" in log.lines, session))
    thread.start()
    with pytest.raises(JobFailed) as failed:
        check_out(session, settings, job.left.append)
    thread.join()
    assert failed.value.exit_code == -1
    assert "⚠️ Warning: Checkout was interrupted by a signal" in log.own
    assert os.path.isdir(job.folder)


def _until(condition, session):
    def wait():
        until = time.monotonic() + 20
        while not condition() and time.monotonic() < until:
            time.sleep(0.01)
        session.cancellation.request()

    return wait


def test_an_attempt_that_takes_too_long_is_stopped_and_removed(job, tmp_path, log):
    script = tmp_path / "bin" / "git"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\nexec sleep 60\n")
    script.chmod(0o755)
    job.env["PATH"] = f"{script.parent}{os.pathsep}{job.env['PATH']}"
    with pytest.raises(TimedOut):
        job.check_out(GIT_CHECKOUT_TIMEOUT="1", CHECKOUT_ATTEMPTS="1")
    assert f"# Removing {job.folder}" in log.own
    assert not job.session.cancellation.requested


@pytest.mark.parametrize(
    "kind, removes",
    [
        (Kind.CLONE, True),
        (Kind.CLONE_TIMEOUT, True),
        (Kind.CLEAN, True),
        (Kind.CLEAN_SUBMODULES, True),
        (Kind.CHECKOUT_RETRY_CLEAN, True),
        (Kind.BAD_OBJECT, True),
        (Kind.NOT_ON_REMOTE, True),
        (Kind.FETCH_RETRY_CLEAN, True),
        (Kind.OTHER, True),
        (Kind.CHECKOUT, False),
        (Kind.NOT_A_TREE, False),
        (Kind.FETCH, False),
        (Kind.BAD_REFERENCE, False),
        (Kind.REPACK, False),
        (Kind.LFS, False),
    ],
)
def test_each_kind_of_failure_has_its_row(kind, removes):
    failure = GitFailed("doing: exit status 1", 1, kind)
    assert decide(failure, False) == ("Checkout failed! doing: exit status 1", removes, True, True)
    assert decide(failure.after_retries(), False) == ("Checkout failed! doing: exit status 1", removes, False, False)


@pytest.mark.parametrize(
    "failure, text, removes, retries",
    [
        (VerificationFailed("no", 1), "Checkout failed! no", False, False),
        (TimedOut("late", -1), "Checkout failed! late", True, True),
        (GitFailed("signal: terminated", -1, Kind.CLONE), "Checkout was interrupted by a signal", False, False),
        (CheckoutLockExpired("the lock"), "the lock", False, False),
        (Cancelled("x"), "Checkout was cancelled", False, False),
        (JobFailed("unclassified", 1), "Checkout failed! unclassified", True, True),
    ],
)
def test_other_failures_have_their_rows(failure, text, removes, retries):
    after = decide(failure, False)
    assert (after.text, after.removes, after.retries) == (text, removes, retries)


def test_a_cancelled_checkout_is_never_tried_again():
    assert decide(GitFailed("x", 128, Kind.CLONE), True).text == "Checkout was cancelled"
