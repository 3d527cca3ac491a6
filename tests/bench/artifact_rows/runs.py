"""One run of a client against the far side: how long it took, its processor time, its peak memory."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence

FAR_SIDE = Path(__file__).with_name("far_side.py")
SAMPLE_S = 0.02
# The interpreter itself before anything that only finds one, as the programs under `shims` do.
_PATH = os.path.dirname(os.path.realpath(sys.executable)) + os.pathsep + os.environ["PATH"]


class Spent(NamedTuple):
    """Seconds of one run, its processor time with that of its children, and the peak memory of all its processes."""

    wall_s: float
    cpu_s: float
    rss_mb: float
    pss_mb: float


class FarSideProcess:
    """The far side in a process of its own."""

    def __init__(self, tls_folder: "Optional[Path]" = None, delay_ms: float = 0, parts: bool = False) -> None:
        words = ["--delay_ms", str(delay_ms), "--connect_delay_ms", str(2 * delay_ms)]
        words += ["--tls", str(tls_folder)] if tls_folder else []
        words += ["--parts"] if parts else []
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(FAR_SIDE), *words], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        self.origin = f"{'https' if tls_folder else 'http'}://127.0.0.1:{self.port}"
        self.environ = {"SSL_CERT_FILE": str(tls_folder / "ca.pem")} if tls_folder else {}
        self._tls_folder = tls_folder

    def counts(self) -> Dict[str, float]:
        """Return what came since the last call."""
        context = None
        if self._tls_folder:
            import ssl

            context = ssl.create_default_context(cafile=str(self._tls_folder / "ca.pem"))
        with urllib.request.urlopen(f"{self.origin}/counts", context=context) as answer:
            return dict(json.loads(answer.read()))

    def __enter__(self) -> FarSideProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()


def run(argv: Sequence[str], far_side: FarSideProcess, folder: Path, *, sample: bool = False) -> Spent:
    """Run one in-job command against the far side. Raises AssertionError with what it said if it fails."""
    environ = {
        "PATH": _PATH, "HOME": str(folder), "BUILDKITE_AGENT_ENDPOINT": f"{far_side.origin}/v3",
        "BUILDKITE_AGENT_ACCESS_TOKEN": "token", "BUILDKITE_JOB_ID": "job", "BUILDKITE_BUILD_ID": "build",
        "NO_PROXY": "*", **far_side.environ,
    }  # fmt: skip
    log = folder / "log"
    with log.open("wb") as output:
        began = time.perf_counter()
        process = subprocess.Popen(argv, cwd=folder, env=environ, stdout=output, stderr=output)
        peaks = _Peaks(process.pid) if sample else None
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - began
        process.returncode = status
    rss_mb, pss_mb = peaks.stop() if peaks else (0.0, 0.0)
    assert status == 0, (argv, log.read_text(errors="replace")[-2000:])
    return Spent(wall_s, usage.ru_utime + usage.ru_stime, rss_mb, pss_mb)


class _Peaks:
    """Follows the memory of a process and of all that descend from it."""

    def __init__(self, pid: int) -> None:
        self._pid, self._done = pid, threading.Event()
        self._rss_kib = self._pss_kib = 0
        self._thread = threading.Thread(target=self._follow)
        self._thread.start()

    def stop(self) -> "tuple[float, float]":
        self._done.set()
        self._thread.join()
        return self._rss_kib / 1024, self._pss_kib / 1024

    def _follow(self) -> None:
        while not self._done.wait(SAMPLE_S):
            rolls = [_rollup(pid) for pid in _tree(self._pid)]
            self._rss_kib = max(self._rss_kib, sum(roll.get("Rss", 0) for roll in rolls))
            self._pss_kib = max(self._pss_kib, sum(roll.get("Pss", 0) for roll in rolls))


def _tree(pid: int) -> List[int]:
    pids = [pid]
    for parent in pids:
        try:
            for task in os.listdir(f"/proc/{parent}/task"):
                pids += [int(word) for word in Path(f"/proc/{parent}/task/{task}/children").read_text().split()]
        except OSError:
            pass
    return pids


def _rollup(pid: int) -> Mapping[str, int]:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return {}
    return {line.split(":")[0]: int(line.split()[1]) for line in lines if line.endswith(" kB")}


def medians(runs: Sequence[Spent]) -> Spent:
    """Return the median of each figure, and the most of memory."""
    return Spent(
        statistics.median(one.wall_s for one in runs), statistics.median(one.cpu_s for one in runs),
        max(one.rss_mb for one in runs), max(one.pss_mb for one in runs),
    )  # fmt: skip


def spread(values: "Sequence[float]") -> str:
    """Return the lowest and the highest."""
    return f"{min(values):.2f}..{max(values):.2f}"
