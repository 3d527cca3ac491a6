"""How soon an idle agent of a large fleet has a job that can run."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator, List

from tests.bench.plane_rows.served import Bare, Served, Watch, percentile_ms, percentiles, run_fleet

AGENTS_COUNT = 1000
BUILDS_PER_S, SECONDS = 20.0, 20.0
BARE_SECONDS = 5.0


def measure(program: List[str], folder: Path, share: float) -> Iterator[str]:
    """Yield lines of figures."""
    count = max(1, int(AGENTS_COUNT * share))
    with Bare() as bare:
        fleet = run_fleet("ping", url=bare.url, token="x", count=count, interval_s=1.0, seconds=BARE_SECONDS)
        bare_ms = percentile_ms(fleet["pings_s"], 0.99)
    with Served(program, folder) as server, Watch(server.process.pid) as watch:
        server.rest("POST", "/pipelines", {"name": "demo", "repository": "/repo.git", "configuration": "steps: []"})
        fleet = run_fleet(
            "dispatch", url=f"{server.url}/v3", rest_url=f"{server.url}/v2/organizations/local", count=count,
            token=server.agent_token, api_token=server.api_token, builds_per_s=BUILDS_PER_S, seconds=SECONDS,
        )  # fmt: skip
        reports = server.reports()
    yield f"{count} agents ping as they are told, {fleet['created_count']} builds of one job, {BUILDS_PER_S:g} a second"
    yield f"errors {len(fleet['problems'])}, warnings of the server {len(reports)}"
    yield from sorted(set(fleet["problems"]))[:5] + reports[:5]
    for name, times_s in (("held ping", fleet["held_s"]), ("polled", fleet["polled_s"])):
        ratio = percentile_ms(times_s, 0.99) / bare_ms
        yield f"{name}: {percentiles(times_s)}; p99 = {ratio:.1f} x that of pings to a bare server ({bare_ms:.1f} ms)"
    yield watch.line()
