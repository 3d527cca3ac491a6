"""Checkouts from a real sshd: its host key is learnt, and the job's own key opens the door."""

import getpass
import os
import subprocess
import sys

import pytest

from bkagent.errors import JobFailed

sys.path.insert(0, os.path.dirname(__file__))
from ssh_server import SSHD, SshServer  # noqa: E402

pytestmark = pytest.mark.skipif(SSHD is None, reason="needs sshd")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    try:
        with SshServer(tmp_path_factory.mktemp("sshd")) as running:
            yield running
    except RuntimeError as problem:
        pytest.skip(f"this sshd cannot be run: {problem}")


@pytest.fixture
def away(job, env, server, upstream, tmp_path):
    """A job whose repository is behind sshd, which it reaches by what it brings alone."""
    known = tmp_path / ".ssh" / "known_hosts"
    # ssh looks for known hosts in the home of the account, whatever HOME says.
    known_only = f"-o UserKnownHostsFile='{known}' -o StrictHostKeyChecking=yes"
    env["GIT_SSH_COMMAND"] = f"ssh -F none -o BatchMode=yes {known_only}"
    env["BUILDKITE_REPO"] = f"ssh://{getpass.getuser()}@127.0.0.1:{server.port}{upstream.path}"
    env["BUILDKITE_GIT_SSH_KEY"] = server.key
    env["BUILDKITE_CHECKOUT_ATTEMPTS"] = "1"
    job.known = known
    return job


def test_the_host_is_learnt_and_the_key_of_the_job_lets_it_in(away, server, upstream, log):
    away.check_out()
    assert away.git("rev-parse", "HEAD") == upstream.first
    assert server.host_key in away.known.read_text()
    fresh = upstream.commit("Commit 5", five="5")
    away.check_out(COMMIT=fresh)
    assert away.git("rev-parse", "HEAD") == fresh
    assert away.known.read_text().count(server.host_key) == 1
    assert [line for line in log.own if "known hosts" in line] == [
        f'# Added host "127.0.0.1:{server.port}" to known hosts at "{away.known}"',
        f'# Host "127.0.0.1:{server.port}" already in list of known hosts at "{away.known}"',
    ]
    assert "PRIVATE KEY" not in log.bytes.decode()
    assert os.listdir(os.path.dirname(away.folder)) == ["widgets"]


def test_without_the_scan_an_unknown_host_is_refused(away):
    with pytest.raises(JobFailed, match="exit status 128"):
        away.check_out(SSH_KEYSCAN="false")


def test_another_key_is_refused_and_the_folder_is_removed(away, tmp_path, log):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "other")], check=True)
    with pytest.raises(JobFailed, match="cloning git repository: exit status 128"):
        away.check_out(GIT_SSH_KEY=(tmp_path / "other").read_text())
    assert "Permission denied" in log.bytes.decode()
    assert f"# Removing {away.folder}" in log.own
