"""What a job costs in builds of several sizes: accept, start, a chunk of its log, finish."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator, List

from tests.bench.plane_rows.served import Served, run_fleet

AGENTS_COUNT = 50
JOBS_COUNTS = (100, 500, 2000)


def measure(program: List[str], folder: Path, share: float) -> Iterator[str]:
    """Yield lines of figures. Each build has a server of its own."""
    costs_s: List[float] = []
    for jobs_count in (max(2, int(count * share)) for count in JOBS_COUNTS):
        data = folder / str(jobs_count)
        data.mkdir()
        with Served(program, data) as server:
            server.rest("POST", "/pipelines", {"name": "demo", "repository": "/repo.git", "configuration": "steps: []"})
            cpu_s = server.use().cpu_s
            fleet = run_fleet(
                "build", url=f"{server.url}/v3", rest_url=f"{server.url}/v2/organizations/local",
                token=server.agent_token, api_token=server.api_token, agents_count=AGENTS_COUNT, jobs_count=jobs_count,
            )  # fmt: skip
            costs_s.append((server.use().cpu_s - cpu_s) / jobs_count)
            reports = server.reports()
            (build,) = server.rest("GET", "/pipelines/demo/builds")
        ratio = f"{costs_s[-1] / costs_s[0]:.2f} x that in the first"
        client_s = fleet["client_cpu_s"] / jobs_count
        yield f"{jobs_count} jobs on {AGENTS_COUNT} agents: {jobs_count / fleet['took_s']:.0f} jobs/s"
        yield f"  CPU of the server {costs_s[-1] * 1000:.2f} ms a job = {ratio}, clients {client_s * 1000:.2f} ms"
        yield f"  uploaded in {fleet['uploaded_s']:.2f} s; build {build['state']}, errors {len(fleet['problems'])}"
        yield from sorted(set(fleet["problems"]))[:5] + reports[:5]
