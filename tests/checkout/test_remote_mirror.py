"""Checkouts that ask the control plane's copy of the repository first, and what they do when it is of no use."""

import os
import re
import select
import socket
import subprocess
import sys
import threading

import pytest

from bkagent.checkout import promisor
from bkagent.checkout.mirrors import remote_probe
from bkagent.checkout.mirrors.remote_mirror import MirrorSite, RemoteMirror
from bkagent.checkout.staging import folder_of
from bkagent.errors import Cancelled, JobFailed
from bkagent.git.location import mirror_folder
from bkagent.system import file_lock
from tests.fakes import certificates

sys.path.insert(0, os.path.dirname(__file__))
from git_http import GitServer, available  # noqa: E402


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return certificates.make(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def copy(tmp_path, env, upstream, authority):
    """A bare clone of the repository as it is now, and the server of it."""
    if not available(env):
        pytest.skip("needs git-http-backend")
    above = tmp_path / "copies"
    above.mkdir()
    made = Copy(str(above / "widgets.git"), env)
    made.update(upstream)
    env["GIT_SSL_CAINFO"] = str(authority / "ca.pem")
    with GitServer(str(above), env, tls=certificates.server_side(authority)) as made.server:
        made.url = made.server.url + "/widgets.git"
        env["BUILDKITE_GIT_REMOTE_MIRROR_URL"] = made.url
        yield made


class Copy:
    def __init__(self, path, env):
        self.path, self.env = path, env

    def update(self, upstream):
        self.git("clone", "-q", "--mirror", upstream.path, self.path) if not os.path.isdir(self.path) else None
        self.git("--git-dir", self.path, "fetch", "-q", "origin", "+refs/*:refs/*")
        self.git("--git-dir", self.path, "config", "uploadpack.allowFilter", "true")

    def git(self, *words):
        subprocess.run(["git", *words], env=self.env, check=True)


def summaries(log):
    return [line[len("# Remote Git mirror: ") :] for line in log.own if line.startswith("# Remote Git mirror: ")]


def told(log):
    """The last summary, without its duration."""
    return re.sub(r" duration=[0-9.ms]+ ", " ", summaries(log)[-1])


@pytest.mark.parametrize(
    "reason, variables",
    [
        ("no-url", {"GIT_REMOTE_MIRROR_URL": ""}),
        ("not-https", {"GIT_REMOTE_MIRROR_URL": "http://127.0.0.1/widgets.git"}),
        ("not-https", {"GIT_REMOTE_MIRROR_URL": "https:///widgets.git"}),
        ("not-https", {"GIT_REMOTE_MIRROR_URL": "--upload-pack=x"}),
        ("not-full-object-id", {"COMMIT": "HEAD"}),
        ("empty-branch", {"BRANCH": ""}),
        ("branch-too-long", {"BRANCH": "b" * 241}),
        ("custom-refspec", {"REFSPEC": "refs/heads/main"}),
        ("tag-build", {"TAG": "v1"}),
        ("pull-request-merge-ref", {"PULL_REQUEST_USING_MERGE_REFSPEC": "true"}),
        ("pull-request-refmap", {"PULL_REQUEST": "12", "GIT_FETCH_FLAGS": "--refmap=+refs/pull/*:refs/p/*"}),
        ("recursive-submodules", {"GIT_CLONE_FLAGS": "--recurse-submodules"}),
        ("separate-git-dir", {"GIT_CLONE_FLAGS": "--separate-git-dir=../elsewhere"}),
    ],
)
def test_what_the_copy_is_not_asked_for(job, copy, log, reason, variables):
    job.check_out(**variables)
    assert told(log) == f"outcome=skipped site=none skip_reason={reason}"
    assert copy.server.paths == []


def test_a_repository_that_a_hook_changed_is_not_the_one_that_was_copied(job, copy, upstream, log):
    from bkagent.checkout.checkout_folder import enter
    from bkagent.checkout.run import check_out

    session, settings = job.start()
    moved = upstream.path + "-moved"
    os.rename(upstream.path, moved)
    enter(session)
    check_out(session, settings.replaced(repository=moved), job.left.append)
    assert told(log) == "outcome=skipped site=none skip_reason=canonical-changed"


def test_a_new_checkout_comes_from_the_copy_and_belongs_to_the_repository(job, copy, upstream, log):
    job.check_out()
    assert told(log) == f"outcome=hit site=fresh-clone url={copy.url}"
    assert " duration=" in summaries(log)[-1]
    assert f'# Commit "{upstream.first}" already exists locally, skipping fetch' in log.own
    assert job.git("rev-parse", "HEAD") == upstream.first
    assert job.git("config", "--get-all", "remote.origin.url") == upstream.path
    assert not any(line.startswith("$ git") and copy.url in line for line in log.own)


def test_a_copy_that_is_behind_saves_all_but_the_rest(job, copy, upstream, log):
    fresh = upstream.commit("Commit 5", five="5")
    job.check_out(COMMIT=fresh)
    assert told(log) == f"outcome=miss site=fresh-clone url={copy.url}"
    assert "# Fetch and checkout commit" in log.own
    assert "$ git clone" not in "\n".join(log.own)
    assert job.git("rev-parse", "HEAD") == fresh


def test_a_shallow_clone_of_a_copy_that_is_behind_is_made_again(job, copy, upstream, log):
    fresh = upstream.commit("Commit 5", five="5")
    job.check_out(COMMIT=fresh, REPO="file://" + upstream.path, GIT_CLONE_FLAGS="--depth=1")
    assert told(log) == f"outcome=miss site=fresh-clone url={copy.url}"
    assert f"$ git clone --depth=1 -- file://{upstream.path} ." in log.own
    assert job.git("rev-parse", "HEAD") == fresh


@pytest.mark.parametrize("site", ["fresh-clone", "existing-checkout", "on-host-mirror"])
def test_a_copy_that_is_not_there_is_done_without(job, copy, upstream, tmp_path, log, site):
    if site == "on-host-mirror":
        job.env["BUILDKITE_GIT_MIRRORS_PATH"] = str(tmp_path / "mirrors")
    if site == "existing-checkout":
        job.check_out()
    fresh = upstream.commit("Commit 5", five="5")
    job.check_out(COMMIT=fresh, GIT_REMOTE_MIRROR_URL=copy.url.replace("widgets", "nothing"))
    assert told(log).startswith(f"outcome=error site={site} url=")
    assert job.git("rev-parse", "HEAD") == fresh
    assert job.git("config", "--get-all", "remote.origin.url") == upstream.path
    assert [name for name in os.listdir(tmp_path) if name.startswith(".remote")] == []


def test_a_checkout_that_is_there_gets_its_commit_from_the_copy(job, copy, upstream, log):
    job.check_out()
    fresh = upstream.commit("Commit 5", five="5")
    copy.update(upstream)
    job.check_out(COMMIT=fresh)
    assert told(log) == f"outcome=hit site=existing-checkout url={copy.url}"
    assert "# Fetch commit from remote Git mirror" in log.own
    assert "# Fetch and checkout commit" not in log.own
    assert job.git("rev-parse", "HEAD") == fresh
    assert promisor.MARK not in job.git("config", "--local", "--list")


def test_a_pull_request_gets_its_commit_from_the_copy(job, copy, upstream, log):
    job.check_out()
    job.check_out(COMMIT=upstream.pull, PULL_REQUEST="12", PIPELINE_PROVIDER="github")
    assert told(log) == f"outcome=hit site=existing-checkout url={copy.url}"
    assert job.git("rev-parse", "HEAD") == upstream.pull


def test_a_commit_that_the_copy_lacks_is_fetched_from_the_repository(job, copy, upstream, log):
    job.check_out()
    fresh = upstream.commit("Commit 5", five="5")
    job.check_out(COMMIT=fresh)
    assert told(log) == f"outcome=miss site=existing-checkout url={copy.url}"
    assert "# Fetch and checkout commit" in log.own
    assert job.git("rev-parse", "HEAD") == fresh


def test_a_checkout_whose_git_folder_is_elsewhere_is_not_risked(job, copy, tmp_path, log):
    job.check_out()
    os.rename(os.path.join(job.folder, ".git"), str(tmp_path / "elsewhere"))
    job.write(".git", f"gitdir: {tmp_path / 'elsewhere'}\n")
    job.check_out()
    assert told(log) == "outcome=skipped site=none skip_reason=separate-git-dir"


def test_settings_of_the_owner_for_the_address_are_left_alone(job, copy, upstream, log):
    job.check_out()
    job.git("config", f"remote.{copy.url}.proxy", "http://127.0.0.1:1")
    fresh = upstream.commit("Commit 5", five="5")
    copy.update(upstream)
    job.check_out(COMMIT=fresh)
    assert told(log) == f"outcome=skipped site=existing-checkout skip_reason=url-config-conflict url={copy.url}"
    assert job.git("config", f"remote.{copy.url}.proxy") == "http://127.0.0.1:1"
    assert job.git("rev-parse", "HEAD") == fresh


def test_only_the_first_attempt_asks_the_copy(job, copy, log, monkeypatch):
    from bkagent.transport import retry

    monkeypatch.setattr(retry, "exponential", lambda tries, *_, **__: retry.constant(tries, 0.0))
    with pytest.raises(JobFailed):
        job.check_out(COMMIT="1234567890" * 4, CHECKOUT_ATTEMPTS="2")
    first, second = summaries(log)
    assert first.startswith("outcome=miss site=fresh-clone")
    assert second == "outcome=skipped site=none skip_reason=not-first-attempt"


# Partial clones


@pytest.fixture
def partial(job, copy, upstream):
    """A checkout that leaves files to be fetched later, of a commit before the one that the copy has now."""
    upstream.git("config", "uploadpack.allowFilter", "true")
    job.env["BUILDKITE_GIT_CLONE_FLAGS"] = "--filter=blob:none"
    job.env["BUILDKITE_REPO"] = "file://" + upstream.path
    job.check_out()
    job.fresh = upstream.commit("Commit 5", five="5")
    copy.update(upstream)
    return job


def test_the_repository_answers_for_what_the_copy_left_out(partial, copy, upstream, log):
    partial.check_out(COMMIT=partial.fresh)
    assert told(log) == f"outcome=hit site=existing-checkout url={copy.url}"
    settings = partial.git("config", "--local", "--list")
    assert copy.url not in settings
    assert promisor.MARK not in settings
    assert partial.git("config", "remote.origin.promisor") == "true"
    assert partial.git("config", "remote.origin.partialclonefilter") == "blob:none"
    assert partial.read("five") == "5"


@pytest.mark.parametrize("gone", [False, True])
def test_what_a_killed_job_left_is_put_right(partial, copy, upstream, log, gone):
    marked = promisor._digest(copy.url)
    partial.git("config", promisor.MARK, marked)
    if not gone:
        partial.git("config", f"remote.{copy.url}.promisor", "true")
        partial.git("config", f"remote.{copy.url}.partialclonefilter", "blob:none")
    partial.git("config", "--unset", "remote.origin.promisor")
    partial.check_out(GIT_REMOTE_MIRROR_URL="")
    settings = partial.git("config", "--local", "--list")
    assert copy.url not in settings
    assert promisor.MARK not in settings
    assert ("remote.origin.promisor=true" in settings) is not gone


# Mirrors of the machine


@pytest.fixture
def mirrored(job, tmp_path, env, upstream):
    env["BUILDKITE_GIT_MIRRORS_PATH"] = str(tmp_path / "mirrors")
    job.mirror = str(tmp_path / "mirrors" / mirror_folder(upstream.path))
    return job


def test_a_mirror_is_made_from_the_copy_and_belongs_to_the_repository(mirrored, copy, upstream, log):
    os.makedirs(folder_of(mirrored.mirror))  # a job before was killed while it made one
    mirrored.check_out()
    assert told(log) == f"outcome=hit site=on-host-mirror url={copy.url}"
    assert mirrored.git("--git-dir", mirrored.mirror, "config", "remote.origin.url") == upstream.path
    assert sorted(os.listdir(os.path.dirname(mirrored.mirror))) == sorted(
        [os.path.basename(mirrored.mirror), os.path.basename(mirrored.mirror) + ".clonelockf"]
    )
    assert mirrored.git("rev-parse", "HEAD") == upstream.first


def test_a_mirror_gets_the_commit_from_the_copy_and_keeps_it_by_a_ref(mirrored, copy, upstream, log):
    mirrored.check_out()
    fresh = upstream.commit("Commit 5", five="5")
    copy.update(upstream)
    log.bytes = b""
    mirrored.check_out(COMMIT=fresh, BRANCH="feature/new one")
    assert told(log) == f"outcome=hit site=on-host-mirror url={copy.url}"
    assert not any("fetch -- origin" in line for line in log.own if "--git-dir" in line)
    ref = "refs/buildkite-agent/remote-mirror/feature-new-one"
    assert mirrored.git("--git-dir", mirrored.mirror, "rev-parse", ref) == fresh
    assert mirrored.git("rev-parse", "HEAD") == fresh


def test_a_commit_that_the_mirror_has_is_not_asked_for(mirrored, copy, upstream, log):
    mirrored.check_out()
    del copy.server.paths[:]
    mirrored.check_out(COMMIT=upstream.second)
    assert told(log) == f"outcome=notReached site=on-host-mirror url={copy.url}"
    assert copy.server.paths == []


def test_a_mirror_that_stays_locked_is_done_without(mirrored, copy, upstream, log):
    os.makedirs(mirrored.mirror)
    held = file_lock.open_lock(f"{mirrored.mirror}.updatelockf")
    assert file_lock.try_lock(held)
    try:
        mirrored.check_out(GIT_MIRRORS_LOCK_TIMEOUT="0")
    finally:
        os.close(held)
    assert told(log) == f"outcome=timeout site=on-host-mirror url={copy.url}"
    assert mirrored.session.env["BUILDKITE_REPO_MIRROR"] == ""
    assert mirrored.git("rev-parse", "HEAD") == upstream.first


# Who asks, and for how long


def test_the_password_comes_from_the_control_plane_and_goes_nowhere(job, env, upstream, tmp_path, authority, log):
    if not available(env):
        pytest.skip("needs git-http-backend")
    env["GIT_SSL_CAINFO"] = str(authority / "ca.pem")
    for_the_repository = ("http.extraHeader=Authorization: other", "credential.helper=!echo password=wrong;:")
    for number, setting in enumerate(for_the_repository):
        env[f"GIT_CONFIG_KEY_{number}"], _, env[f"GIT_CONFIG_VALUE_{number}"] = setting.partition("=")
    env["GIT_CONFIG_COUNT"] = str(len(for_the_repository))
    job.helper = "!echo username=token; echo password=s3cret;:"
    tls = certificates.server_side(authority)
    with GitServer(os.path.dirname(upstream.path), env, password="s3cret", tls=tls) as server:
        job.check_out(GIT_REMOTE_MIRROR_URL=server.url + "/main/.git")
        assert "outcome=hit" in told(log)
        assert {given for given in server.authorizations if given} == {"Basic dG9rZW46czNjcmV0"}


def test_a_password_in_the_address_is_not_shown():
    shown = RemoteMirror("https://user:s3cret@mirror.test/x", MirrorSite.FRESH).summary()
    assert shown == "Remote Git mirror: outcome=notReached site=fresh-clone url=https://user:xxxxx@mirror.test/x"


@pytest.fixture
def listener():
    """A socket that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.fixture
def silent(listener):
    """The address of a repository there."""
    return f"https://127.0.0.1:{listener.getsockname()[1]}/widgets.git"


def test_a_copy_that_does_not_answer_is_given_up(job, upstream, silent, log, monkeypatch):
    job.check_out()
    monkeypatch.setattr(remote_probe, "PROBE_LIMIT_S", 0.3)
    job.check_out(COMMIT=upstream.second, GIT_REMOTE_MIRROR_URL=silent)
    assert told(log) == f"outcome=timeout site=existing-checkout url={silent}"
    assert job.git("rev-parse", "HEAD") == upstream.second


@pytest.mark.raced
@pytest.mark.parametrize("is_there", [False, True])
def test_a_job_cancelled_while_it_asks_the_copy_asks_nothing_else(job, upstream, listener, silent, log, is_there):
    from bkagent.checkout.checkout_folder import enter
    from bkagent.checkout.run import check_out

    if is_there:
        job.check_out()
    session, settings = job.start(COMMIT=upstream.second, GIT_REMOTE_MIRROR_URL=silent)
    enter(session)
    log.bytes = b""
    cancellation = session.cancellation

    def cancel_once_asked():
        assert select.select([listener], [], [], 60)[0]
        cancellation.request()

    canceller = threading.Thread(target=cancel_once_asked)
    canceller.start()
    with pytest.raises((JobFailed, Cancelled)):
        check_out(session, settings, job.left.append)
    canceller.join()
    assert "$ git clone" not in "\n".join(log.own)
    assert "# Fetch and checkout commit" not in log.own
    if is_there:
        assert promisor.MARK not in job.git("config", "--local", "--list")
