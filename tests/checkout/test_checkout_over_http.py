"""The same checkout from a server that speaks git's HTTP protocol."""

import os
import sys

import pytest

from bkagent.errors import JobFailed

sys.path.insert(0, os.path.dirname(__file__))
from git_http import GitServer, available  # noqa: E402


@pytest.fixture
def server(env, upstream):
    if not available(env):
        pytest.skip("needs git-http-backend")
    with GitServer(os.path.dirname(upstream.path), env) as running:
        yield running


def test_a_job_is_checked_out_and_reused_over_http(job, upstream, server, log):
    repository = server.url + "/main/.git"
    job.check_out(REPO=repository)
    assert job.git("rev-parse", "HEAD") == upstream.first
    fresh = upstream.commit("Commit 7", seven="7")
    job.check_out(REPO=repository, COMMIT=fresh)
    assert job.git("rev-parse", "HEAD") == fresh
    job.check_out(REPO=repository, COMMIT="HEAD", BRANCH="feature/x")
    assert job.git("rev-parse", "HEAD") == upstream.feature


def test_a_missing_repository_fails_with_gits_status(job, server, log):
    with pytest.raises(JobFailed, match="cloning git repository: exit status 128"):
        job.check_out(REPO=server.url + "/nothing", CHECKOUT_ATTEMPTS="1")


@pytest.mark.parametrize("protocol", ["0", "2"])
def test_a_commit_that_the_server_lacks_removes_the_folder(job, server, tmp_path, log, protocol):
    job.env.update(GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0="protocol.version", GIT_CONFIG_VALUE_0=protocol)
    with pytest.raises(JobFailed, match="exit status"):
        job.check_out(REPO=server.url + "/main/.git", COMMIT="1234567890" * 4, CHECKOUT_ATTEMPTS="1")
    assert f"# Removing {job.folder}" in log.own


def test_a_server_that_gives_out_no_single_commits_is_told_apart(job, upstream, server, env, log):
    upstream.git("config", "uploadpack.allowAnySHA1InWant", "false")
    upstream.git("update-ref", "-d", "refs/pull/12/head")
    env.update(GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0="protocol.version", GIT_CONFIG_VALUE_0="0")
    with pytest.raises(JobFailed, match="fetching refspecs"):
        job.check_out(REPO=server.url + "/main/.git", CHECKOUT_ATTEMPTS="1", COMMIT=upstream.pull)
    assert any("Server does not allow request for unadvertised object" in line for line in log.lines)
    assert f"# Removing {job.folder}" in log.own


def test_a_server_that_wants_a_password_is_not_waited_for(job, env, upstream, log):
    if not available(env):
        pytest.skip("needs git-http-backend")
    env["GIT_TERMINAL_PROMPT"] = "0"
    running = GitServer(os.path.dirname(upstream.path), env, password="secret")
    with running, pytest.raises(JobFailed, match="exit status 128"):
        job.check_out(REPO=running.url + "/main/.git", CHECKOUT_ATTEMPTS="1")
    assert any("could not read Username" in line for line in log.lines)
