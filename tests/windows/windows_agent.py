"""An agent of the built archive on a Windows Python, against the control plane of a test."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import List, Mapping, Optional

from tests.fakes.control_plane import FakeControlPlane, FakeJob, deadline
from tests.windows.wine_session import TIMEOUT_S, WineSession


class WindowsAgent:
    """One `start`; everything it keeps is below `root`. End it with `with`.

    `path` is put in front of its PATH, `env` are more variables, `flags` more options of `start`.
    """

    def __init__(
        self,
        wine: WineSession,
        python: str,
        archive: str,
        plane: FakeControlPlane,
        root: Path,
        *flags: str,
        env: Optional[Mapping[str, str]] = None,
        path: str = "",
    ) -> None:
        self.wine, self.python, self.archive, self.plane, self.root = wine, python, archive, plane, root
        self.state = root / "state"
        root.mkdir(parents=True, exist_ok=True)
        self._log = root / f"agent-{len(list(root.glob('agent-*.log')))}.log"
        argv = [
            wine.python(python), "-I", "-S", wine.windows_path(archive), "start", "--endpoint", plane.endpoint,
            "--name", "tester", "--no-color", "--build-path", wine.windows_path(root / "builds"),
            "--state-path", wine.windows_path(self.state), *flags,
        ]  # fmt: skip
        variables = {"BUILDKITE_AGENT_TOKEN": plane.token, **(env or {})}
        with self._log.open("wb") as log:
            self.process = wine.start(*argv, env=variables, cwd=root, path=path, stdout=log.fileno())

    def __enter__(self) -> "WindowsAgent":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def said(self) -> str:
        """What the agent has printed so far, lines that end in LF."""
        return self._log.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n")

    @property
    def spool(self) -> List[str]:
        """The names of the jobs in the agent's spool."""
        folder = self.state / "spool"
        return sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []

    def run_job(
        self, command: str = "", env: Optional[Mapping[str, str]] = None, patience_s: float = TIMEOUT_S
    ) -> FakeJob:
        """Give the agent a job, wait for its end and return it: `job.text`, `job.finish["exit_status"]`."""
        job = self.plane.add_job(command, env)
        assert self.plane.wait_for(lambda: job.finishes, patience_s), f"no end of the job; the agent said:\n{self.said}"
        assert not job.problems
        return job

    def wait_said(self, text: str) -> bool:
        """Wait until the agent has printed a text; False when patience ran out or it ended without."""
        patient = deadline()
        while text not in self.said:
            if not patient() or self.process.poll() is not None:
                return text in self.said
            time.sleep(0.02)
        return True

    def disconnect(self) -> int:
        """Have the control plane tell it to disconnect, as it does after the job at hand; return the exit status."""
        self.plane.actions.append({"action": "disconnect"})
        return self.wait()

    def wait(self) -> int:
        """Return the exit status; fails with what the agent said when it does not end."""
        try:
            return self.process.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the agent did not end; it said:\n{self.said}") from None

    def kill(self) -> None:
        """End the agent alone, as a crash would; its jobs live on until the session ends."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
