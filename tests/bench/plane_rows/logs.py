"""Logs of many jobs side by side: gzipped chunks, each acknowledged once it is written, over kept-alive connections."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
import urllib.request
import zlib
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

from tests.bench.plane_rows.log_clients import DISTINCT, gzipped, log_texts
from tests.bench.plane_rows.served import START_S, Served, Use

CLIENTS = Path(__file__).with_name("log_clients.py")
JOBS_COUNT = 20
# Bytes of a chunk, megabytes (millions of bytes) of log text in all.
RUNS = ((300_000, 2000), (100_000, 600), (1_000_000, 600))
WARM_MB = 100


def measure(program: List[str], folder: Path, share: float) -> Iterator[str]:
    """Yield lines of figures. Asserts that the logs are whole."""
    yield f"{JOBS_COUNT} jobs side by side; bare: a thread inflates the same chunks by zlib and writes them by pwrite"
    for size, megabytes in RUNS:
        each = max(1, int(megabytes * share * 1_000_000 / size / JOBS_COUNT))
        warm = max(1, int(WARM_MB * share * 1_000_000 / size / JOBS_COUNT))
        own_folder = folder / str(size)
        own_folder.mkdir()
        with Served(program, own_folder) as server:
            jobs = _running_jobs(server)
            _send(server, jobs, size, 0, warm)
            before = server.use()
            sent = _send(server, jobs, size, warm, each)
            after = server.use()
            reports = server.reports()
            _check_logs(own_folder, jobs, size, warm + each)
        megabytes_sent = each * size * JOBS_COUNT / 1e6
        yield f"chunks of {size} bytes: errors {len(sent['failures'])}, warnings of the server {len(reports)}"
        yield from sent["failures"][:3] + reports[:3]
        yield _figures(megabytes_sent, sent, before, after, _bare(folder, size, megabytes_sent))


def _figures(megabytes: float, sent: Dict[str, Any], before: Use, after: Use, bare: Tuple[float, float]) -> str:
    rate, bare_rate = megabytes / sent["wall_s"], megabytes / bare[0]
    per_gb, bare_per_gb = (after.cpu_s - before.cpu_s) / megabytes * 1000, bare[1] / megabytes * 1000
    return (
        f"  {megabytes:.0f} MB at {rate:.0f} MB/s = {rate / bare_rate:.2f} x bare ({bare_rate:.0f}); "
        f"CPU {per_gb:.1f} s/GB = {per_gb / bare_per_gb:.1f} x bare ({bare_per_gb:.1f}); "
        f"memory {before.rss_kib / 1024:.1f}, then {after.rss_kib / 1024:.1f} MiB; "
        f"clients {sent['cpu_s'] / megabytes * 1000:.1f} s/GB"
    )


def _running_jobs(server: Served) -> List[Tuple[str, str]]:
    """Return id and token of jobs, each of which an agent of its own has started."""
    server.rest("POST", "/pipelines", {"name": "logs", "repository": "/repo.git", "configuration": "steps: []"})
    pipeline = {"steps": [{"command": "true", "parallelism": JOBS_COUNT}]}
    build = server.rest("POST", "/pipelines/logs/builds", {"commit": "HEAD", "branch": "main", "pipeline": pipeline})
    jobs = []
    for job in build["jobs"]:
        agent = {"name": "a", "hostname": "h", "os": "linux", "arch": "amd64", "version": "3.137.0", "build": "x"}
        session = _call(server, "POST", "/register", server.agent_token, agent)["access_token"]
        _call(server, "POST", "/connect", session)
        token = _call(server, "PUT", f"/jobs/{job['id']}/acquire", session)["token"]
        _call(server, "PUT", f"/jobs/{job['id']}/start", token)
        jobs.append((job["id"], token))
    return jobs


def _call(server: Served, method: str, path: str, token: str, document: object = None) -> Any:
    request = urllib.request.Request(
        f"{server.url}/v3{path}", method=method, data=json.dumps(document or {}).encode(),
        headers={"Authorization": f"Token {token}", "Content-Type": "application/json"},
    )  # fmt: skip
    with urllib.request.urlopen(request, timeout=START_S) as answer:
        return json.loads(answer.read())


def _send(server: Served, jobs: List[Tuple[str, str]], size: int, first: int, count: int) -> Dict[str, Any]:
    host, _, port = server.url.rpartition("/")[2].partition(":")
    details = {"host": host, "port": int(port), "jobs": jobs, "size": size, "first": first, "count": count}
    done = subprocess.run([sys.executable, str(CLIENTS), json.dumps(details)], stdout=subprocess.PIPE, check=True)
    return dict(json.loads(done.stdout))


def _check_logs(folder: Path, jobs: List[Tuple[str, str]], size: int, count: int) -> None:
    texts = log_texts(size)
    digest = hashlib.sha256()
    for number in range(count):
        digest.update(texts[number % DISTINCT])
    for job_id, _ in jobs:
        kept, path = hashlib.sha256(), folder / "data" / "logs" / f"{job_id}.log"
        with path.open("rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                kept.update(block)
        assert kept.digest() == digest.digest(), path
        path.unlink()


def _bare(folder: Path, size: int, megabytes: float) -> Tuple[float, float]:
    """Return the seconds, of the clock and of CPU, of one thread that inflates and writes so much."""
    bodies = [gzipped(text) for text in log_texts(size)]
    path = folder / "bare"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    began, cpu_began_s = time.perf_counter(), time.process_time()
    for number in range(int(megabytes * 1e6 / size)):
        os.pwrite(descriptor, zlib.decompress(bodies[number % DISTINCT], 31, size), number * size)
    spent = time.perf_counter() - began, time.process_time() - cpu_began_s
    os.close(descriptor)
    path.unlink()
    return spent
