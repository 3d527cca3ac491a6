"""Whether a commit is on the branch that the build names."""

import pytest

from bkagent.checkout.verification import VerificationFailed
from bkagent.errors import JobFailed
from bkagent.git.commands import VERIFICATION_REF


def test_a_commit_on_its_branch_passes(job, upstream, log):
    job.check_out(GIT_COMMIT_VERIFICATION="strict")
    at = log.own.index(f'# Verifying commit "{upstream.first}" is on branch "main"')
    assert log.own[at + 1 : at + 4] == [
        f"$ git fetch -v --prune -- origin +refs/heads/main:{VERIFICATION_REF}",
        f"$ git merge-base --is-ancestor {upstream.first} {upstream.second}",
        f"$ git update-ref -d {VERIFICATION_REF}",
    ]
    assert job.git("for-each-ref", VERIFICATION_REF) == ""
    assert not any("Warning" in line for line in log.own)


def test_a_commit_of_another_branch_stops_a_strict_job_at_once(job, upstream, log):
    with pytest.raises(VerificationFailed) as failed:
        job.check_out(COMMIT=upstream.feature, GIT_COMMIT_VERIFICATION="strict")
    assert str(failed.value) == f'commit verification failed: commit "{upstream.feature}" is not on branch "main"'
    assert f"⚠️ Warning: Checkout failed! {failed.value}" in log.own
    assert job.has(".git")
    assert not any("checkout -f" in line for line in log.own)


def test_it_may_only_warn(job, upstream, log):
    job.check_out(COMMIT=upstream.feature, GIT_COMMIT_VERIFICATION="warn")
    assert any("commit verification failed" in line for line in log.own)
    assert job.git("rev-parse", "HEAD") == upstream.feature


@pytest.mark.parametrize(
    "variables",
    [
        {"COMMIT": "HEAD"},
        {"BRANCH": ""},
        {"TAG": "v1"},
        {"PULL_REQUEST": "12"},
        {"REFSPEC": "main"},
    ],
)
def test_some_builds_have_no_branch_to_compare_with(job, log, variables):
    job.check_out(GIT_COMMIT_VERIFICATION="strict", **variables)
    assert any(line.startswith("# Skipping commit verification: ") for line in log.own)


def test_it_is_off_unless_asked_for(job, log):
    job.check_out()
    assert not any("verif" in line for line in log.own)


def test_a_shallow_clone_is_deepened_until_it_can_tell(job, upstream, log):
    tip = upstream.add_commits(*[f"More {number}" for number in range(60)])
    job.check_out(
        REPO="file://" + upstream.path,
        COMMIT=upstream.first,
        GIT_CLONE_FLAGS="-v --depth=1",
        GIT_FETCH_FLAGS="-v --depth=1",
        GIT_COMMIT_VERIFICATION="strict",
    )
    assert "# Deepening checkout to verify commit (--deepen=50)..." in log.own
    assert job.git("rev-parse", "HEAD") == upstream.first
    assert any(f"--is-ancestor {upstream.first} {tip}" in line for line in log.own)


def test_a_branch_that_cannot_be_fetched_only_warns(job, log, monkeypatch):
    monkeypatch.setattr("bkagent.shell.cancellation.Cancellation.wait", lambda self, seconds: False)
    job.check_out(BRANCH="nowhere", GIT_COMMIT_VERIFICATION="strict")
    assert any("commit verification unavailable: unable to fetch branch " in line for line in log.own)


def test_fail_closed_fails_where_it_cannot_be_found_out(job, log, monkeypatch):
    monkeypatch.setattr("bkagent.shell.cancellation.Cancellation.wait", lambda self, seconds: False)
    with pytest.raises(JobFailed, match='^commit verification unavailable: unable to fetch branch "nowhere"') as failed:
        job.check_out(BRANCH="nowhere", GIT_COMMIT_VERIFICATION="fail-closed")
    assert failed.value.exit_code == 1
    assert not any("checkout -f" in line for line in log.own)


def test_fail_closed_is_strict_otherwise(job, upstream):
    job.check_out(GIT_COMMIT_VERIFICATION="fail-closed")
    with pytest.raises(JobFailed, match="is not on branch"):
        job.check_out(COMMIT=upstream.feature, GIT_COMMIT_VERIFICATION="fail-closed")


@pytest.mark.parametrize("compat", ["3", "4"])
def test_off_fetches_no_branch(job, env, upstream, log, compat):
    env["BKAGENT_COMPAT"] = compat
    job.check_out(COMMIT=upstream.feature, GIT_COMMIT_VERIFICATION="off")
    assert "# Skipping commit verification: mode is off" in log.own
    assert not any("refs/heads/main" in line for line in log.own)


@pytest.mark.parametrize(
    "compat, mode, legal",
    [
        ("3", "srict", '"off", "warn", "strict", "fail-closed"'),
        ("4", "warn", '"strict", "off", "fail-closed"'),
    ],
)
def test_a_mode_that_is_none_fails_the_job_and_names_the_others(job, env, compat, mode, legal):
    env["BKAGENT_COMPAT"] = compat
    with pytest.raises(JobFailed) as failed:
        job.check_out(GIT_COMMIT_VERIFICATION=mode)
    assert str(failed.value) == f'invalid git commit verification mode "{mode}" (must be one of {legal})'


def test_version_4_is_strict_unless_told(job, env, upstream):
    env["BKAGENT_COMPAT"] = "4"
    with pytest.raises(JobFailed, match="is not on branch"):
        job.check_out(COMMIT=upstream.feature)
