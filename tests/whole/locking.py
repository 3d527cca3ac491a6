"""What the tests of locks share: agents with an Agent API, their leader, and commands about locks from the archive."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import IO, Any, Dict, List, Union

from bkagent.errors import AgentError
from bkagent.remote.locks.lock_client import HolderDetails, LockClient
from tests.fakes.agent_process import AgentProcess, clean_environment
from tests.fakes.control_plane import FakeJob
from tests.fakes.installed_archive import program_of
from tests.whole.running import PATIENCE_S, Start, processes_with, wait_until


class Machine:
    """A machine whose agents share a folder of sockets. `agents` are those that were started, dead or alive."""

    def __init__(self, archive: str, start: Start, root: Path) -> None:
        self._archive, self._start, self.root = archive, start, root
        self.sockets = root / "s"
        self.agents: List[AgentProcess] = []

    def agent(self, *flags: str) -> AgentProcess:
        """Start an agent, and wait until some agent leads."""
        self.agents.append(self._start("--agent-api", *flags))
        assert wait_until(self.leads, lambda: self.agents[-1].process.poll() is not None), self.said
        return self.agents[-1]

    @property
    def said(self) -> str:
        return "\n".join(agent.said for agent in self.agents)

    def leads(self) -> bool:
        """Return whether an agent leads and answers."""
        try:
            self.locks()
        except AgentError:
            return False
        return True

    def leader_pid(self) -> int:
        """Return the process that leads, or last did so; 0 where there is none."""
        try:
            return int(os.path.basename(os.readlink(self.sockets / "agent-leader")).split("-")[1])
        except OSError:
            return 0

    def kill_leader(self) -> int:
        """Kill the process that leads; return which one that was."""
        pid = self.leader_pid()
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # by an earlier test of the same kind
        return pid

    def client(self) -> LockClient:
        return LockClient(str(self.sockets), HolderDetails(os.getpid()))

    def locks(self) -> Dict[str, Dict[str, Any]]:
        """Return the locks by key."""
        return {row["key"]: row for row in self.client().locks()}

    def state(self, key: str) -> str:
        return self.client().state(key)

    def waiting(self, key: str) -> int:
        """Return how many commands wait for a key."""
        return int(self.locks().get(key, {}).get("waiting", 0))

    def command(self, *words: str, stdout: Union[int, IO[bytes]] = subprocess.PIPE) -> "subprocess.Popen[bytes]":
        """Start a command about locks, outside jobs."""
        argv = [*program_of(self._archive), "lock", *words, "--sockets-path", str(self.sockets)]
        return subprocess.Popen(
            argv, env=clean_environment(self.root), stdin=subprocess.DEVNULL, stdout=stdout,
            stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *words: str, status: int = 0) -> str:
        """Run a command about locks, outside jobs, to its end; return what it printed."""
        process = self.command(*words)
        out, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == status, (words, out, err, self.said)
        return (out if status == 0 else err).decode("utf-8", "surrogateescape")

    def job_process(self, job: FakeJob) -> int:
        """Return the process of a running job."""
        spool = self.root / ".buildkite-agent" / "bkagent" / "spool"
        return int((spool / job.id / "pid").read_text().split()[0])

    def kill_job(self, job: FakeJob) -> None:
        """Kill every process of a job. The job's own goes last: it holds what tells that the job has ended."""
        pid = self.job_process(job)
        os.kill(pid, signal.SIGSTOP)
        while True:
            others = [other for other in processes_with("BUILDKITE_JOB_ID", job.id) if other != pid]
            if not others:
                break
            for other in others:
                try:
                    os.kill(other, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        os.kill(pid, signal.SIGKILL)
