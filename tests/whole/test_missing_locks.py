"""File systems without working locks, as NFS without its lock daemon: what needs them says so and does what is safe."""

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Dict, List

import pytest

from bkagent.system import file_lock
from tests.fakes.agent_process import AgentProcess, clean_environment
from tests.fakes.broken_copy import BrokenCopy
from tests.fakes.control_plane import FakeControlPlane

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the fake asks /proc for the path of a lock file")

NO_LOCKS = """
class _WithoutLocks:
    def __getattr__(self, name):
        return getattr(_fcntl, name)

    def flock(self, fd, kind):
        import errno, os
        if "/without-locks/" in os.readlink(f"/proc/self/fd/{fd}"):
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
        return _fcntl.flock(fd, kind)


_fcntl, fcntl = fcntl, _WithoutLocks()
"""
SENTENCE = "has no working file locks (No locks available): mount it with locks (NFS: version 4, or its lock daemon"


@pytest.fixture
def nfs(tmp_path: Path) -> Path:
    """A folder in which no program of `copy` has locks."""
    folder = tmp_path / "without-locks"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> BrokenCopy:
    broken = BrokenCopy(tmp_path_factory.mktemp("copy") / "code")
    broken.append("system/_file_lock_posix.py", NO_LOCKS)
    return broken


def run(copy: BrokenCopy, environ: Dict[str, str], *words: str) -> "subprocess.CompletedProcess[str]":
    options: Dict[str, object] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "universal_newlines": True}
    return subprocess.run(
        [*copy.program(sys.executable), *words], env=environ, stdin=subprocess.DEVNULL, timeout=60, **options
    )  # type: ignore[call-overload, no-any-return]  # fmt: skip


@pytest.mark.parametrize("name", ["ENOLCK", "ENOTSUP", "EOPNOTSUPP", "EINVAL", "ENOSYS"])
def test_each_way_to_have_no_locks_is_known(name: str) -> None:
    error = OSError(getattr(errno, name), "strange")
    reason = file_lock.why_unsupported("/m/x.clonelockf", error)
    assert reason.startswith("the file system of /m has no working file locks ("), reason
    assert not file_lock.why_unsupported("/m/x.clonelockf", OSError(errno.EACCES, "denied"))


def test_an_agent_does_not_start_where_its_state_cannot_be_locked(copy: BrokenCopy, tmp_path: Path, nfs: Path) -> None:
    with FakeControlPlane() as plane:
        program = copy.program(sys.executable)
        flags = ("--state-path", str(nfs / "state"))
        with AgentProcess(tmp_path / "a", plane.endpoint, *flags, program=program, token=plane.token) as agent:
            assert agent.wait() == 1
        assert not plane.sessions
    (line,) = [line for line in agent.said.splitlines() if "locks" in line]
    assert f"the file system of {nfs}/state {SENTENCE}" in line and line.endswith("local disk with --state-path"), line
    assert not [path for path in (nfs / "state").iterdir() if "probe" in path.name]


def test_an_agent_takes_no_part_in_the_agent_api_where_its_sockets_cannot_be_locked(
    copy: BrokenCopy, tmp_path: Path, nfs: Path
) -> None:
    with FakeControlPlane() as plane:
        program, flags = copy.program(sys.executable), ("--agent-api", "--sockets-path", str(nfs / "s"))
        with AgentProcess(tmp_path / "a", plane.endpoint, *flags, program=program, token=plane.token) as agent:
            assert agent.wait_said(f"without the Agent API: the file system of {nfs}/s {SENTENCE}"), agent.said
            job = plane.add_job("echo hello")
            assert job.wait_finished() and job.finish["exit_status"] == "0", agent.said


def job_environment(tmp_path: Path, **env: str) -> Dict[str, str]:
    """Return the variables of a job by hand, of a repository with one commit."""
    variables = {
        **clean_environment(tmp_path), "GIT_CONFIG_GLOBAL": os.devnull, "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@b.invalid", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b.invalid",
        "BUILDKITE_JOB_ID": "job-1", "BUILDKITE_REPO": str(tmp_path / "repository"), "BUILDKITE_COMMIT": "HEAD",
        "BUILDKITE_BRANCH": "main", "BUILDKITE_AGENT_NAME": "a", "BUILDKITE_ORGANIZATION_SLUG": "acme",
        "BUILDKITE_PIPELINE_SLUG": "widgets", "BUILDKITE_PIPELINE_PROVIDER": "git",
        "BUILDKITE_BUILD_PATH": str(tmp_path / "builds"), "BUILDKITE_AGENT_NO_JOB_API": "true",
        "BUILDKITE_COMMIT_RESOLVED": "true", "BUILDKITE_COMMAND": "cat file", "BUILDKITE_AGENT_ACCESS_TOKEN": "t",
        **env,
    }  # fmt: skip
    repository = tmp_path / "repository"
    commands: List[List[str]] = [["init", "-q", "-b", "main", "."], ["add", "file"], ["commit", "-q", "-m", "one"]]
    repository.mkdir()
    (repository / "file").write_text("of the commit\n")
    for words in commands:
        subprocess.run(["git", *words], cwd=str(repository), env=variables, check=True)
    return variables


def test_a_job_does_without_mirrors_that_cannot_be_locked(copy: BrokenCopy, tmp_path: Path, nfs: Path) -> None:
    environ = job_environment(tmp_path, BUILDKITE_GIT_MIRRORS_PATH=str(nfs / "mirrors"))
    job = run(copy, environ, "bootstrap")
    assert job.returncode == 0 and "of the commit" in job.stdout, job.stdout
    warning = f"The git mirror is not used: the file system of {nfs}/mirrors {SENTENCE}"
    assert warning in job.stdout and "with --git-mirrors-path" in job.stdout, job.stdout
    assert not [path for path in (nfs / "mirrors").iterdir() if not path.name.endswith("lockf")]


def test_a_host_key_is_added_to_a_list_that_cannot_be_locked(copy: BrokenCopy, tmp_path: Path, nfs: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, script in (("ssh-keyscan", 'echo "host.invalid ssh-ed25519 KEY"'), ("ssh", "exit 1")):
        (tools / name).write_text(f"#!/bin/sh\n{script}\n")
        (tools / name).chmod(0o755)
    environ = job_environment(tmp_path, HOME=str(nfs), BUILDKITE_SSH_KEYSCAN="true", BUILDKITE_CHECKOUT_ATTEMPTS="1")
    environ.update(BUILDKITE_REPO="git@host.invalid:acme/x.git", PATH=f"{tools}:{environ['PATH']}")
    job = run(copy, environ, "bootstrap")
    assert 'Added host "host.invalid" to known hosts' in job.stdout, job.stdout
    assert (nfs / ".ssh" / "known_hosts").read_text() == "host.invalid ssh-ed25519 KEY\n"


@pytest.mark.parametrize("words", ["server --listen 127.0.0.1:0", "local run pipeline.yml"])
def test_a_data_folder_that_cannot_be_locked_is_refused(
    copy: BrokenCopy, tmp_path: Path, nfs: Path, words: str
) -> None:
    environ = job_environment(tmp_path)
    (tmp_path / "repository" / "pipeline.yml").write_text("steps: [{command: 'true'}]\n")
    script = f'cd {tmp_path}/repository && exec "$@"'
    program = ["sh", "-c", script, "sh", *copy.program(sys.executable), *words.split(), "--data", str(nfs / "data")]
    refused = subprocess.run(
        program, env=environ, stdin=subprocess.DEVNULL, timeout=60, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )  # fmt: skip
    text = refused.stdout.decode()
    assert refused.returncode == 1 and f"the file system of {nfs}/data {SENTENCE}" in text, text
    assert text.rstrip().endswith("local disk with --data"), text
