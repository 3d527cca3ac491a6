"""A control plane in a process of its own, what that process uses, and the clients beside it."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

FLEET = Path(__file__).with_name("fleet.py")
START_S = 60.0
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Use(NamedTuple):
    """What a process uses at a moment."""

    cpu_s: float
    rss_kib: int
    threads_count: int
    descriptors_count: int


class Served:
    """`bkagent server` with a data folder below `folder`. The endpoint is that of the Agent API."""

    def __init__(self, program: Sequence[str], folder: Path, *flags: str) -> None:
        raise_limit()
        argv = [*program, "server", "--data", str(folder / "data"), "--listen", "127.0.0.1:0", *flags]
        self._errors = open(folder / "server.log", "wb")  # noqa: SIM115
        self.process = subprocess.Popen(
            argv, stdout=subprocess.PIPE, stderr=self._errors, env={**os.environ, "HOME": str(folder)}
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().decode().strip()
        agents, api = (self.process.stdout.readline().decode().strip() for _ in range(2))
        self.agent_token, self.api_token = (Path(path).read_text(encoding="utf-8").strip() for path in (agents, api))
        self._log = folder / "server.log"

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._errors.close()

    def reports(self) -> List[str]:
        """Return the warnings and errors that the server has printed."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return [line for line in lines if "WARN" in line or "ERROR" in line or "Traceback" in line]

    def use(self) -> Use:
        """Return what the server uses now."""
        return use_of(self.process.pid)

    def rest(self, method: str, path: str, document: Optional[object] = None) -> Any:
        """Call the REST API; return the answer's document. `path` begins after the organization."""
        request = urllib.request.Request(
            f"{self.url}/v2/organizations/local{path}", method=method,
            data=None if document is None else json.dumps(document).encode(),
            headers={"Authorization": f"Bearer {self.api_token}", "Content-Type": "application/json"},
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=START_S) as answer:
            return json.loads(answer.read())


class Watch:
    """Looks at a process twice a second, until it is closed."""

    def __init__(self, pid: int) -> None:
        self.uses: List[Use] = [use_of(pid)]
        self._pid, self._ending = pid, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()
        self.uses.append(use_of(self._pid))

    def _run(self) -> None:
        while not self._ending.wait(0.5):
            self.uses.append(use_of(self._pid))

    def line(self) -> str:
        """Return what was used: memory and threads at the beginning, at most and at the end, seconds of CPU."""
        first, last = self.uses[0], self.uses[-1]
        most = [max(column) for column in zip(*self.uses)]
        return (
            f"memory {first.rss_kib // 1024}, at most {most[1] // 1024}, then {last.rss_kib // 1024} MiB; "
            f"threads {first.threads_count}, at most {most[2]}, then {last.threads_count}; "
            f"descriptors at most {most[3]}; CPU {last.cpu_s - first.cpu_s:.1f} s"
        )


def use_of(pid: int) -> Use:
    """Return what a process uses now."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    pages = int(fields[21])
    return Use(
        (int(fields[11]) + int(fields[12])) / _TICKS_PER_S, pages * resource.getpagesize() // 1024, int(fields[17]),
        len(os.listdir(f"/proc/{pid}/fd")),
    )  # fmt: skip


def run_fleet(role: str, **details: object) -> Dict[str, Any]:
    """Run one of the functions of fleet.py in a process of its own; return what it returns."""
    argv = [sys.executable, str(FLEET), role, json.dumps(details)]
    return dict(json.loads(subprocess.run(argv, stdout=subprocess.PIPE, check=True).stdout))


class Bare:
    """A server that answers everything with the same few bytes: the machine's part of the times, and of the work."""

    def __init__(self) -> None:
        self.process = subprocess.Popen([sys.executable, str(FLEET), "bare", "{}"], stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().decode().strip()

    def __enter__(self) -> Bare:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()


def raise_limit() -> None:
    """Let this process and those that it starts have as many connections as the system allows."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def percentile_ms(times_s: Sequence[float], share: float) -> float:
    """Return the time below which this share of the times lies, in milliseconds; 0 for none."""
    ordered = sorted(times_s)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000 if ordered else 0.0


def percentiles(times_s: Sequence[float]) -> str:
    """Return a text of percentiles."""
    shares = (("p50", 0.5), ("p99", 0.99), ("most", 1.0))
    columns = ", ".join(f"{name} {percentile_ms(times_s, share):.1f}" for name, share in shares)
    return f"{columns} ms of {len(times_s)}"
