"""A checkout from nothing, and over what an earlier job left."""

import os

import pytest

from bkagent.checkout import fetching
from bkagent.checkout import run as checkout
from bkagent.checkout.checkout_folder import enter
from bkagent.errors import JobFailed
from bkagent.git.outcome import GitFailed, Kind
from bkagent.transport.retry import constant

NO_REMOTE_MIRROR = "# Remote Git mirror: outcome=skipped site=none skip_reason=no-url"


def test_a_fresh_clone_shows_each_step(job, upstream, log):
    job.check_out()
    assert job.git("rev-parse", "HEAD") == upstream.first
    assert log.own == [
        f'# Creating "{job.folder}"',
        f"$ cd {job.folder}",
        f"$ git clone -v -- {upstream.path} .",
        "$ git clean -ffxdq",
        "# Fetch and checkout commit",
        f"$ git fetch -v --prune -- origin {upstream.first}",
        f"$ git -c advice.detachedHead=false checkout -f {upstream.first}",
        "# Cleaning again to catch any post-checkout changes",
        "$ git clean -ffxdq",
        NO_REMOTE_MIRROR,
    ]


def test_a_second_job_cleans_what_the_first_left(job, upstream, log):
    job.check_out()
    job.write("junk", "untracked")
    job.write("README.md", "changed")
    job.write("nested/repo/file", "x")
    job.write(".git/info/exclude", "ignored\n")
    job.write("ignored", "x")
    log.bytes = b""
    job.check_out(COMMIT=upstream.second)
    assert job.git("status", "--short", "--ignored") == ""
    assert job.read("README.md") == "two\n"
    assert log.own[0] == f"$ cd {job.folder}"
    assert log.own[1] == "$ git clean -ffxdq"
    assert not any("clone" in line for line in log.own)


def traced_commands(path):
    """Return the commands of git that wrote to a trace, without what they started themselves."""
    lines = path.read_text().splitlines()
    commands = [line.partition("trace: built-in: git ")[2].split() for line in lines]
    return [words[0] for words in commands if words and words[0] in ("clone", "clean", "fetch", "checkout", "config")]


def test_a_checkout_asks_git_nothing_that_its_files_say(job, upstream, env, tmp_path):
    trace = tmp_path / "trace"
    env["GIT_TRACE"] = str(trace)
    job.check_out()
    assert traced_commands(trace) == ["clone", "clean", "fetch", "checkout", "clean"]
    trace.unlink()
    job.check_out(COMMIT=upstream.second)
    assert traced_commands(trace) == ["clean", "fetch", "checkout", "clean"]
    assert "rev-parse" not in trace.read_text()
    trace.unlink()
    job.git("config", "user.name", "# not in the form that is read")
    job.check_out()
    assert traced_commands(trace) == ["config", "config", "clean", "fetch", "checkout", "clean"]
    assert "rev-parse" in trace.read_text()


def test_a_commit_that_is_missing_or_damaged_is_named(job, upstream, env, log):
    """Also where it was not looked for before the checkout."""
    job.check_out()
    missing = "12" * 20
    with pytest.raises(GitFailed, match=f'the repository has no commit "{missing}"') as failed:
        job.check_out(COMMIT=missing, REFSPEC="main", CHECKOUT_ATTEMPTS="1")
    assert failed.value.kind is Kind.NOT_A_TREE and failed.value.exit_code == 128
    with open(os.path.join(job.folder, missing + "^{commit}"), "w") as file:
        file.write("a file of that name is no commit")
    job.git("add", "-f", "-A")
    with pytest.raises(GitFailed, match=f'the repository has no commit "{missing}"'):
        job.check_out(COMMIT=missing, REFSPEC="main", CHECKOUT_ATTEMPTS="1")
    fresh = upstream.commit("Later", **{"README.md": "later"})
    job.git("fetch", "-q", "origin", fresh)
    path = os.path.join(job.folder, ".git", "objects", fresh[:2], fresh[2:])
    os.chmod(path, 0o600)
    with open(path, "wb"):
        pass
    with pytest.raises(GitFailed) as damaged:
        job.check_out(COMMIT=fresh, REFSPEC="v1", CHECKOUT_ATTEMPTS="1")
    assert damaged.value.kind is Kind.DAMAGED


def test_head_is_the_tip_of_the_branch(job, upstream, log):
    job.check_out(COMMIT="HEAD", BRANCH="feature/x")
    assert job.git("rev-parse", "HEAD") == upstream.feature
    assert "# Fetch and checkout remote branch HEAD commit" in log.own
    assert "$ git fetch -v --prune -- origin refs/heads/feature/x" in log.own


def test_flags_are_split_into_words(job, upstream, log):
    job.check_out(
        GIT_CLONE_FLAGS="-v -c 'core.abbrev=12' -c user.name=\"Two Words\"",
        GIT_FETCH_FLAGS="--no-tags",
        GIT_CHECKOUT_FLAGS="-f --quiet",
        GIT_CLEAN_FLAGS="-fdq -e '*.keep me'",
    )
    assert job.git("config", "user.name") == "Two Words"
    assert f'$ git clone -v -c core.abbrev=12 -c "user.name=Two Words" -- {upstream.path} .' in log.own
    assert f"$ git fetch --no-tags -- origin {upstream.first}" in log.own
    assert '$ git clean -fdq -e "*.keep me"' in log.own


def test_a_flag_with_an_open_quote_is_named(job):
    with pytest.raises(JobFailed) as failed:
        job.check_out(GIT_CLONE_FLAGS="-v 'open", CHECKOUT_ATTEMPTS="1")
    assert str(failed.value).startswith("splitting --git-clone-flags \"-v 'open\": expected closing quote '")


def test_a_custom_refspec_is_fetched(job, upstream, log):
    job.check_out(REFSPEC="refs/heads/feature/x:refs/heads/local", COMMIT=upstream.feature)
    assert job.git("rev-parse", "local", "HEAD").split() == [upstream.feature] * 2
    assert "# Fetch and checkout custom refspec" in log.own


@pytest.mark.parametrize("commit", ["HEAD", "known"])
def test_a_pull_request_of_github_has_its_own_ref(job, upstream, log, commit):
    job.check_out(
        PULL_REQUEST="12", PIPELINE_PROVIDER="github", COMMIT=upstream.pull if commit == "known" else "HEAD", BRANCH="x"
    )
    assert job.git("rev-parse", "HEAD") == upstream.pull
    assert "# Fetch and checkout pull request head from GitHub" in log.own
    assert any(line.startswith("# FETCH_HEAD is now `") for line in log.own)
    refspecs = "refs/pull/12/head" + (f" {upstream.pull}" if commit == "known" else "")
    assert f"$ git fetch -v --prune -- origin {refspecs}" in log.own


def test_version_4_wants_the_pull_requests_head_in_its_merge(job, upstream, log):
    upstream.git("checkout", "-q", "--detach", "main")
    upstream.git("merge", "-q", "--no-ff", "-m", "Merge", upstream.pull)
    upstream.git("update-ref", "refs/pull/12/merge", "HEAD")
    merged = upstream.git("rev-parse", "HEAD")
    variables = {
        "PULL_REQUEST": "12",
        "PIPELINE_PROVIDER": "github",
        "COMMIT": "HEAD",
        "PULL_REQUEST_USING_MERGE_REFSPEC": "true",
        "CHECKOUT_ATTEMPTS": "1",
    }
    for head, is_merged in ((upstream.pull, True), (upstream.first, False)):
        session, settings = job.start(**variables, PULL_REQUEST_HEAD_COMMIT=head)
        enter(session)
        settings = settings.replaced(is_v4=True)
        if is_merged:
            checkout.check_out(session, settings, job.left.append)
            assert job.git("rev-parse", "HEAD") == merged
        else:
            with pytest.raises(JobFailed, match="the merge commit of the pull request merges"):
                checkout.check_out(session, settings, job.left.append)
    assert "# Fetch and checkout pull request merge commit from GitHub" in log.own
    assert job.has(".git")


MERGE_HINT = "The pull request conflicts with its base branch, or GitHub has not created its merge commit yet."


@pytest.mark.parametrize("using_merge", [True, False])
@pytest.mark.parametrize("commit", ["HEAD", "1234567890" * 4])
def test_a_merge_commit_that_cannot_be_fetched_hints_at_a_conflict(job, log, monkeypatch, commit, using_merge):
    monkeypatch.setattr(fetching, "PATIENT", constant(2, 0.0))
    job.check_out()
    job.git("config", "remote.origin.fetch", "+refs/heads/gone:refs/gone")  # so that fetching everything fails, too
    log.bytes = b""
    with pytest.raises(JobFailed) as failed:
        job.check_out(
            PULL_REQUEST="999", PIPELINE_PROVIDER="github", COMMIT=commit, CHECKOUT_ATTEMPTS="1",
            PULL_REQUEST_USING_MERGE_REFSPEC="true" if using_merge else "false",
        )  # fmt: skip
    assert str(failed.value).startswith("fetching PR refspec [")
    assert str(failed.value).endswith(f"exit status 128\n{MERGE_HINT}") is using_merge
    assert any(line.startswith(MERGE_HINT) for line in log.lines) is using_merge
    if using_merge and commit == "HEAD":
        fetch = "$ git fetch -v --prune -- origin refs/pull/999/merge"
        assert log.own.count(fetch) == 1 and isinstance(failed.value, GitFailed)
        assert failed.value.kind is Kind.BAD_REFERENCE and not failed.value.was_retried


def test_an_empty_pull_request_of_github_is_one_too(job, log):
    with pytest.raises(JobFailed):
        job.check_out(PULL_REQUEST="", PIPELINE_PROVIDER="github-enterprise", CHECKOUT_ATTEMPTS="1")
    assert "# Fetch and checkout pull request head from GitHub" in log.own


def test_a_commit_at_hand_is_not_fetched_when_that_is_asked_for(job, upstream, log):
    job.check_out()
    log.bytes = b""
    job.check_out(COMMIT=upstream.second, GIT_SKIP_FETCH_EXISTING_COMMITS="true")
    assert f'# Commit "{upstream.second}" already exists locally, skipping fetch' in log.own
    assert job.git("rev-parse", "HEAD") == upstream.second


def test_a_branch_name_at_hand_is_fetched_all_the_same(job, log):
    job.check_out()
    log.bytes = b""
    job.check_out(COMMIT="main", GIT_SKIP_FETCH_EXISTING_COMMITS="true")
    assert "$ git fetch -v --prune -- origin main" in log.own


def test_a_short_commit_is_found_by_fetching_everything(job, upstream, log):
    upstream.commit("Commit 5", **{"README.md": "five\n"})
    job.check_out(COMMIT=upstream.second[:10])
    assert job.git("rev-parse", "HEAD") == upstream.second
    assert "# Attempt 1/1" in log.own
    assert "# Some refspec fetches failed, trying to fetch all heads and tags" in log.own
    everything = "+refs/heads/*:refs/remotes/origin/* +refs/tags/*:refs/tags/*"
    assert f"$ git fetch -v --prune -- origin {everything}" in log.own


def test_another_repository_takes_the_folder_over(job, upstream, make_repository, log):
    job.check_out()
    other = make_repository("other")
    commit = other.commit("Other", other="x")
    log.bytes = b""
    job.check_out(REPO=other.path, COMMIT=commit)
    assert job.git("rev-parse", "HEAD") == commit
    assert log.own[1:5] == [
        f"# Remote URL for git directory {job.folder} has changed ({upstream.path} -> {other.path})!",
        "# This is usually because the repository has been renamed.",
        "# If this is unexpected, you may see failures.",
        f"$ git remote set-url origin {other.path}",
    ]


def test_two_urls_of_origin_are_asked_for_the_first(job, upstream, log):
    job.check_out()
    job.git("config", "--add", "remote.origin.url", "/elsewhere")
    log.bytes = b""
    job.check_out()
    assert not any("has changed" in line for line in log.own)


def test_a_broken_git_folder_is_cloned_again(job, upstream, log):
    job.check_out()
    job.write(".git/config", "garbage")
    log.bytes = b""
    job.check_out(CHECKOUT_ATTEMPTS="2")
    assert job.git("rev-parse", "HEAD") == upstream.first
    warning = next(line for line in log.own if "Warning" in line)
    assert warning.startswith("⚠️ Warning: Checkout failed! setting origin: exit status ")
    assert "(Attempt 1/2 Retrying in " in warning
    at = log.own.index(f"# Removing {job.folder}")
    assert log.own[at + 1] == f'# Creating "{job.folder}"'


def test_a_broken_checkout_inside_a_repository_never_touches_that_one(job, upstream, env, make_repository):
    outer = make_repository("outer")
    outer.commit("Outer", precious="committed")
    with open(os.path.join(outer.path, "precious"), "w") as file:
        file.write("not committed")
    job.folder = os.path.join(outer.path, "builds", "widgets")
    os.makedirs(os.path.join(job.folder, ".git"))
    job.check_out(CHECKOUT_ATTEMPTS="2")
    assert job.git("rev-parse", "HEAD") == upstream.first
    with open(os.path.join(outer.path, "precious")) as file:
        assert file.read() == "not committed"
    assert outer.git("remote") == ""


def test_an_empty_repository_is_no_checkout(job, log):
    job.check_out(REPO="")
    assert log.own[-1] == "# Skipping checkout, BUILDKITE_REPO is empty"
    assert not job.has(".git")


def test_a_clean_checkout_removes_the_old_one(job, log):
    job.check_out()
    session, _settings = job.start()
    log.bytes = b""
    checkout.remove_old(session)
    assert log.own == ["~~~ Cleaning pipeline checkout", f"# Removing {job.folder}"]
    assert not os.path.exists(job.folder)


def test_without_git_one_sentence_says_so(job, tmp_path):
    (tmp_path / "empty").mkdir()
    job.env["PATH"] = str(tmp_path / "empty")
    with pytest.raises(JobFailed, match="is not on the job's PATH"):
        job.check_out()


def test_a_missing_access_token_is_warned_of(job, log):
    job.check_out(AGENT_ACCESS_TOKEN="")
    assert any("BUILDKITE_AGENT_ACCESS_TOKEN is missing" in line for line in log.own)


def test_the_commit_is_resolved_when_asked_for(job, upstream, log):
    job.check_out(COMMIT="HEAD", AGENT_EXPERIMENT="resolve-commit-after-checkout")
    assert job.session.env["BUILDKITE_COMMIT"] == upstream.second
    assert log.own[-3:] == [
        "# Using resolve-commit-after-checkout experiment 🧪",
        f'# Updating BUILDKITE_COMMIT from "HEAD" to "{upstream.second}"',
        NO_REMOTE_MIRROR,
    ]


def test_a_localized_git_is_still_understood(job, upstream, log):
    job.check_out(COMMIT=upstream.second[:10], LANGUAGE="de", LC_ALL="de_DE.UTF-8")
    assert job.git("rev-parse", "HEAD") == upstream.second
