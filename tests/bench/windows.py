"""What starting costs on Windows, as multiples of what Python costs, under the Windows bed (Wine): ratios alone.

    BKAGENT_WINDOWS_BED=... python3 tests/bench/windows.py [--python 3.13] [--runs 10]

Commands of a job are run in a job, by their launchers, against `python -I -S -c pass` there. The first start of the
archive unpacks and compiles it; the memory is what an idle agent has for itself alone, against an idle Python.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP))

from tests.fakes.control_plane import FakeControlPlane  # noqa: E402
from tests.windows.windows_agent import WindowsAgent  # noqa: E402
from tests.windows.wine_session import WineSession, missing_part  # noqa: E402

ARCHIVE = str(TOP / "dist" / "bkagent.pyz")
IN_JOB = (
    ["buildkite-agent", "--version"], ["buildkite-agent", "meta-data", "get", "key"],
    ["buildkite-agent", "meta-data", "set", "other", "value"], ["buildkite-agent", "annotate", "text"],
    ["buildkite-agent", "env", "get", "BUILDKITE_JOB_ID"],
)  # fmt: skip
# Runs in the job: times the commands of its first argument in turns, and prints the median seconds of each.
_TIME = """
import json, statistics, subprocess, sys, time
commands = [[sys.executable, "-I", "-S", "-c", "pass"], *json.loads(sys.argv[1])]
taken = [[] for _ in commands]
for _ in range(int(sys.argv[2])):
    for command, times in zip(commands, taken):
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=-3, stderr=-3)
        times.append(time.perf_counter() - began)
print("medians", json.dumps([statistics.median(times) for times in taken]))
"""


def own_memory_bytes(pid: int) -> int:
    """Return the memory that a process has for itself alone."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) * 1024


def time_in_job(agent: WindowsAgent, folder: Path, runs: int) -> None:
    """Print a line for each command of a job."""
    script = folder / "time.py"
    program = _TIME.replace("sys.argv[1]", repr(json.dumps(IN_JOB))).replace("sys.argv[2]", str(runs))
    script.write_text(program, encoding="utf-8")
    wine = agent.wine
    job = agent.run_job(f"{wine.python(agent.python)} -I -S {wine.windows_path(script)}", patience_s=600)
    lines = [line for line in job.text.splitlines() if "medians [" in line]
    assert lines, job.text
    bare_s, *times = json.loads(lines[0].partition("medians ")[2])
    for words, seconds in zip(IN_JOB, times):
        print(f"{' '.join(words):<50}{seconds / bare_s:6.2f} x  python -c pass", flush=True)


def time_first_start(wine: WineSession, python: str, runs: int) -> None:
    """Print what the first start of the archive takes, and the next."""
    code = wine.unix_path("C:\\users\\root\\.buildkite-agent")
    bare = [wine.python(python), "-I", "-S", "-c", "pass"]
    help_page = [wine.python(python), "-I", "-S", wine.windows_path(ARCHIVE), "--help"]
    names = ("bare", "first", "next")
    taken = {name: [] for name in names}  # type: dict[str, list[float]]
    for _ in range(runs):
        shutil.rmtree(str(code), ignore_errors=True)
        for name, argv in zip(names, (bare, help_page, help_page)):
            began = time.perf_counter()
            wine.run(*argv, check=True)
            taken[name].append(time.perf_counter() - began)
    bare_s, first_s, next_s = (statistics.median(taken[name]) for name in names)
    print(f"{'--help, first start of the archive':<50}{first_s / bare_s:6.2f} x  python -c pass")
    print(f"{'--help, next start':<50}{next_s / bare_s:6.2f} x  python -c pass", flush=True)


def weigh(wine: WineSession, agent: WindowsAgent) -> None:
    """Print the memory of an idle agent."""
    idle = wine.start(
        wine.python(agent.python), "-I", "-S", "-c", "print('up', flush=True); input()", stdin=subprocess.PIPE
    )
    assert idle.stdout is not None and idle.stdout.readline().strip() == b"up"
    bare_bytes, agent_bytes = own_memory_bytes(idle.pid), own_memory_bytes(agent.process.pid)
    idle.kill()
    print(f"{'memory of an idle agent':<50}{agent_bytes / bare_bytes:6.2f} x  an idle Python", flush=True)


def main() -> None:
    """Print all of it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--python", default="3.13")
    parser.add_argument("--runs", type=int, default=10)
    asked = parser.parse_args()
    bed = Path(os.environ.get("BKAGENT_WINDOWS_BED", ""))
    missing = missing_part(bed)
    if missing:
        raise SystemExit(f"no Windows bed: {missing}")
    with tempfile.TemporaryDirectory() as name, WineSession(bed, Path(name)) as wine:
        time_first_start(wine, asked.python, max(1, asked.runs // 3))
        with FakeControlPlane(ping_interval=1) as plane:
            plane.meta_data["key"] = "value"
            with WindowsAgent(wine, asked.python, ARCHIVE, plane, Path(name) / "agent") as agent:
                time_in_job(agent, Path(name), asked.runs)
                weigh(wine, agent)


if __name__ == "__main__":
    main()
