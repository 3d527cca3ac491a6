"""A fleet that has nothing to do: each agent pings every ten seconds, and sends its heartbeats."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator, List

from tests.bench.plane_rows.served import Bare, Served, Watch, percentile_ms, percentiles, run_fleet, use_of

AGENTS_COUNT = 5000
INTERVAL_S = 10.0
SECONDS, BARE_SECONDS = 60.0, 20.0


def measure(program: List[str], folder: Path, share: float) -> Iterator[str]:
    """Yield lines of figures."""
    count = max(1, int(AGENTS_COUNT * share))
    with Bare() as bare:
        fleet = run_fleet("ping", url=bare.url, token="x", count=count, interval_s=INTERVAL_S, seconds=BARE_SECONDS)
        bare_ms = percentile_ms(fleet["pings_s"], 0.5), percentile_ms(fleet["pings_s"], 0.99)
        bare_cpu_s = use_of(bare.process.pid).cpu_s / (len(fleet["pings_s"]) + 2 * count)
    with Served(program, folder) as server, Watch(server.process.pid) as watch:
        fleet = run_fleet(
            "ping",
            url=f"{server.url}/v3",
            token=server.agent_token,
            count=count,
            interval_s=INTERVAL_S,
            seconds=SECONDS,
        )
        requests_count = len(fleet["pings_s"]) + len(fleet["heartbeats_s"]) + 2 * count
        reports = server.reports()
    yield f"{count} agents, registered in {fleet['registered_s']:.1f} s, ping every {INTERVAL_S:g} s for {SECONDS:g} s"
    yield f"errors {len(fleet['problems'])}, warnings of the server {len(reports)}"
    yield from sorted(set(fleet["problems"]))[:5] + reports[:5]
    yield f"pings {percentiles(fleet['pings_s'])}: as long as they were held, and the time to answer"
    yield f"heartbeats {percentiles(fleet['heartbeats_s'])}"
    for name, part, times_ms in (("p50", 0.5, bare_ms[0]), ("p99", 0.99, bare_ms[1])):
        ratio = percentile_ms(fleet["heartbeats_s"], part) / times_ms
        yield f"heartbeats {name} = {ratio:.1f} x that of a bare server ({times_ms:.1f} ms)"
    cpu_s = (watch.uses[-1].cpu_s - watch.uses[0].cpu_s) / requests_count
    bare_text = f"that of a bare server ({bare_cpu_s * 1000:.3f} ms)"
    yield f"CPU of a request {cpu_s * 1000:.2f} ms = {cpu_s / bare_cpu_s:.1f} x {bare_text}"
    yield watch.line()
