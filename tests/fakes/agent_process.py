"""A real agent: `python -m bkagent start` from this checkout, or another program, against a control plane of a test."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Dict, List, Optional, Sequence

from tests.fakes.control_plane import PATIENCE_S, deadline

CHECKOUT = Path(__file__).resolve().parents[2]


def clean_environment(home: Path) -> Dict[str, str]:
    """Return this process's environment without what would configure an agent, with a home folder of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("BUILDKITE", "BKAGENT"))}
    kept.update(HOME=str(home), PYTHONPATH=str(CHECKOUT), PYTHONDONTWRITEBYTECODE="1")
    return kept


class AgentProcess:
    """One agent process; everything it keeps is below `root`. End it with `with`."""

    def __init__(
        self,
        root: Path,
        endpoint: str,
        *flags: str,
        token: Optional[str] = "registration-token",
        env: Optional[Dict[str, str]] = None,
        name: str = "tester",
        program: Sequence[str] = (sys.executable, "-m", "bkagent"),
    ) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        argv = [
            *program, "start", "--endpoint", endpoint, "--name", name, "--no-color",
            "--build-path", str(root / "builds"), "--sockets-path", str(root / "s"), *flags,
        ]  # fmt: skip
        variables = {**clean_environment(root), **(env or {})}
        if token is not None:
            variables["BUILDKITE_AGENT_TOKEN"] = token
        self._output = root / f"agent-{len(list(root.glob('agent-*.log')))}.log"
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                argv, env=variables, cwd=root, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )

    def __enter__(self) -> "AgentProcess":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.kill()

    @property
    def said(self) -> str:
        """What the agent has printed so far."""
        return self._output.read_text(encoding="utf-8", errors="replace")

    @property
    def spool(self) -> List[str]:
        """The names of the jobs in the agent's spool."""
        folder = self.root / ".buildkite-agent" / "bkagent" / "spool"
        return sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []

    def signal(self, name: str) -> None:
        """Send the agent a signal."""
        self.process.send_signal(getattr(signal, name))

    def kill(self) -> None:
        """End the agent as a crash would; what it has started lives on."""
        self.process.kill()
        self.process.wait()

    def wait_said(self, text: str) -> bool:
        """Wait until the agent has printed a text; False when patience ran out or it ended without."""
        patient = deadline()
        while text not in self.said:
            if not patient() or self.process.poll() is not None:
                return text in self.said
            time.sleep(0.01)
        return True

    def wait(self) -> int:
        """Return the exit status; fails with what the agent said when it does not end."""
        try:
            return self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the agent did not end; it said:\n{self.said}") from None
