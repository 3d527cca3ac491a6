"""A process that holds a lock of the machine is killed: what waits for it goes on, since the kernel frees the lock.

Owners and job processes of the spool are killed in tests/agent/test_outages.py, tests/agent/test_endings.py and
tests/spool/test_spool.py, users of unpacked code in tests/agent/test_cleanup.py, servers in
tests/controlplane_http/test_server_commands.py, local runs in tests/localrun/test_run_after_a_kill.py.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, Dict, Iterator

import pytest

from tests.fakes.agent_process import AgentProcess, clean_environment
from tests.fakes.control_plane import PATIENCE_S, FakeControlPlane

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="jobs of POSIX shells")

# Stands before the real program on the PATH. The first job that calls it with a word of STOPS stays there.
STOP = """#!/bin/sh
case " $* " in *" $STOPS "*) if mkdir "$SEEN" 2>/dev/null; then echo $$ >"$SEEN/pid.new"; mv "$SEEN/pid.new" "$SEEN/pid"
    exec sleep 600; fi;; esac
exec {program} "$@"
"""


class Machine:
    """Runs jobs by hand in one set of folders."""

    def __init__(self, root: Path) -> None:
        self.root, self.seen, self.jobs = root, root / "seen", []  # type: Path, Path, List[subprocess.Popen[bytes]]
        self.environ: Dict[str, str] = {
            **clean_environment(root), "GIT_CONFIG_GLOBAL": os.devnull, "GIT_AUTHOR_NAME": "a",
            "GIT_AUTHOR_EMAIL": "a@b.invalid", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b.invalid",
            "BUILDKITE_REPO": str(root / "repository"), "BUILDKITE_COMMIT": "HEAD", "BUILDKITE_BRANCH": "main",
            "BUILDKITE_AGENT_NAME": "a", "BUILDKITE_ORGANIZATION_SLUG": "acme", "BUILDKITE_PIPELINE_SLUG": "widgets",
            "BUILDKITE_PIPELINE_PROVIDER": "git", "BUILDKITE_AGENT_NO_JOB_API": "true",
            "BUILDKITE_COMMIT_RESOLVED": "true", "BUILDKITE_COMMAND": "true", "BUILDKITE_AGENT_ACCESS_TOKEN": "t",
            "BUILDKITE_GIT_MIRRORS_PATH": str(root / "mirrors"), "SEEN": str(self.seen),
        }  # fmt: skip
        (root / "repository").mkdir()
        self.git("init", "-q", "-b", "main", ".")
        self.commit()

    def git(self, *words: str) -> None:
        subprocess.run(["git", *words], cwd=str(self.root / "repository"), env=self.environ, check=True)

    def commit(self) -> None:
        self.git("commit", "-q", "--allow-empty", "-m", "one")

    def stop_in(self, name: str, word: str, program: str) -> None:
        """Have the first call of a program with a word never end."""
        tools = self.root / "tools"
        tools.mkdir()
        (tools / name).write_text(STOP.format(program=program))
        (tools / name).chmod(0o755)
        self.environ.update(STOPS=word, PATH=f"{tools}:{self.environ['PATH']}")

    def start(self, name: str) -> "subprocess.Popen[bytes]":
        environ = {**self.environ, "BUILDKITE_JOB_ID": name, "BUILDKITE_BUILD_PATH": str(self.root / name)}
        with open(self.root / f"{name}.log", "wb") as log:
            words = [sys.executable, "-m", "bkagent", "bootstrap"]
            job = subprocess.Popen(words, env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.jobs.append(job)
        return job

    def text(self, name: str) -> str:
        return (self.root / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def end(self) -> None:
        for job in self.jobs:
            job.kill()
            job.wait()
        if (self.seen / "pid").exists():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int((self.seen / "pid").read_text()), signal.SIGKILL)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    running = Machine(tmp_path)
    yield running
    running.end()


def wait_until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


@pytest.mark.parametrize(("which", "word"), [("clone", "--mirror"), ("update", "fetch")])
def test_a_job_waits_no_longer_for_a_mirror_when_the_job_that_works_on_it_is_killed(
    machine: Machine, which: str, word: str
) -> None:
    git = shutil.which("git")
    assert git is not None
    if which == "update":
        assert machine.start("first").wait(PATIENCE_S) == 0, machine.text("first")
        machine.commit()
    machine.stop_in("git", word, git)
    holder = machine.start("holder")
    wait_until((machine.seen / "pid").exists, machine.text("holder"))
    waiter = machine.start("waiter")
    wait_until(lambda: f"{which}lockf" in machine.text("waiter"), "the second job does not wait for the lock")
    assert waiter.poll() is None
    holder.kill()
    assert waiter.wait(PATIENCE_S) == 0, machine.text("waiter")


def test_a_job_waits_no_longer_for_the_known_hosts_when_the_job_that_adds_to_them_is_killed(machine: Machine) -> None:
    machine.stop_in("ssh-keyscan", "host.invalid", "echo host.invalid ssh-ed25519 KEY #")
    machine.environ.update(
        BUILDKITE_REPO="git@host.invalid:acme/x.git", BUILDKITE_SSH_KEYSCAN="true", BUILDKITE_CHECKOUT_ATTEMPTS="1",
        GIT_SSH_COMMAND="false", BUILDKITE_GIT_MIRRORS_PATH="",
    )  # fmt: skip
    holder = machine.start("holder")
    wait_until((machine.seen / "pid").exists, machine.text("holder"))
    lock = machine.root / ".ssh" / "known_hosts.lockf"
    waiter = machine.start("waiter")
    if sys.platform == "linux":  # elsewhere it may not wait yet
        wait_until(lambda: is_open(waiter.pid, lock), machine.text("waiter"))
    holder.kill()
    wait_until(lambda: waiter.poll() is not None, machine.text("waiter"))
    assert 'Added host "host.invalid" to known hosts' in machine.text("waiter")


def is_open(pid: int, path: Path) -> bool:
    folder = f"/proc/{pid}/fd"
    try:
        return any(os.readlink(f"{folder}/{name}") == str(path) for name in os.listdir(folder))
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="there is no warm process for commands here")
def test_the_next_agent_keeps_the_process_of_commands_when_the_one_that_kept_it_is_killed(tmp_path: Path) -> None:
    """The agents of one user share the process; the lock's holder keeps it."""
    # The agent itself answers under another file's number, until the process serves.
    command = """
        bin=$(dirname "$(command -v buildkite-agent)")
        until read -r pid file <"$bin/calls/server" && [ "$file" = 0 ]; do buildkite-agent env get HOME; done
        echo "served by $pid of $bin/calls/lock"
    """
    plane = FakeControlPlane(ping_interval=0.2, chunk_interval=0.1)
    with plane, AgentProcess(tmp_path / "a", plane.endpoint, name="one") as one:
        first = plane.add_job(command)
        assert first.wait_finished() and first.finish["exit_status"] == "0", one.said + first.text
        served = re.findall(r"served by (\d+) of (\S+)", first.text)
        lock = Path(served[-1][1])
        with AgentProcess(tmp_path / "a", plane.endpoint, name="two") as two:
            wait_until(lambda: is_open(two.process.pid, lock), two.said)
            one.kill()
            second = plane.add_job(command)
            assert second.wait_finished() and second.finish["exit_status"] == "0", two.said + second.text
            assert re.findall(r"served by (\d+) of (\S+)", second.text)[-1] != served[-1], second.text
