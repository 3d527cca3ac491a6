"""What it takes to find the files of an artifact upload: seconds, processor time and memory, beside the reference.

    python3 tests/bench/collecting.py [FILES [RUNS]]

Makes a tree of that many empty files (100,000 by default) in folders three deep, and calls `artifact upload` of
dist/bkagent.pyz (and of the reference agent, where REFERENCE_AGENT names it) with 1, 5 and 20 patterns, several of
which begin in folders that others walk as well. The clock runs until the command says how many files it has found; then
it is killed. The reference has hashed the files by then, bkagent has opened them. The last row matches no file: it is
the walk alone. Medians of interleaved runs; nothing is asserted.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Dict, List, Sequence, Tuple

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, TOP)

from tests.fakes.scripted_server import ScriptedServer  # noqa: E402

ENDINGS = ("txt", "log", "bin", "xml", "json")
PATTERNS = {
    "1 pattern": ["**/*"],
    "5, same root": [f"**/*.{ending}" for ending in ENDINGS],
    "5, nested": ["**/*.txt", "d0/**/*.log", "d1/**/*.bin", "d2/s3/**/*.xml", "d3/**/*"],
    "20, nested": ["**/*.txt", "**/*.xml", *(f"d{n}/**/*" for n in range(10)), *(f"d{n}/s{n}/**/*" for n in range(8))],
    "20, no match": [
        "**/*.a",
        "**/*.b",
        *(f"d{n}/**/*.c" for n in range(10)),
        *(f"d{n}/s{n}/**/*.d" for n in range(8)),
    ],
}
Figures = Tuple[float, float, float]


def make_tree(folder: str, count: int) -> None:
    """Make empty files, ten folders in each folder."""
    for number in range(count):
        below = os.path.join(folder, f"d{number % 10}", f"s{number // 10 % 10}", f"t{number // 100 % 10}")
        if number < 1000:
            os.makedirs(below, exist_ok=True)
        name = f"file-{number:06}.{ENDINGS[number // 1000 % len(ENDINGS)]}"
        os.close(os.open(os.path.join(below, name), os.O_CREAT | os.O_WRONLY))


def measure(agent: Sequence[str], patterns: Sequence[str], folder: str, environ: Dict[str, str]) -> Figures:
    """Return seconds until the files are found, processor time in seconds, and the largest memory in MB."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [*agent, "artifact", "upload", ";".join(patterns)], cwd=folder, env=environ, stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if b" files that match " in line or b"No files matched" in line:
            break
    else:
        raise SystemExit(f"{agent[-1]} ended without finding anything")
    took_s = time.perf_counter() - began
    process.kill()
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    process.stderr.close()
    return took_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    """Print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    runs_count = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    agents = {"bkagent": [sys.executable, os.path.join(TOP, "dist", "bkagent.pyz")]}
    if os.environ.get("REFERENCE_AGENT"):
        agents["reference"] = [os.environ["REFERENCE_AGENT"]]
    with tempfile.TemporaryDirectory() as folder, ScriptedServer() as server:
        make_tree(os.path.join(folder, "tree"), count)
        environ = {
            "PATH": os.environ.get("PATH", ""), "HOME": folder, "BUILDKITE_AGENT_ACCESS_TOKEN": "token",
            "BUILDKITE_AGENT_ENDPOINT": server.url, "BUILDKITE_JOB_ID": "job",
        }  # fmt: skip
        print(f"{count} files, {runs_count} runs, Python {sys.version.split()[0]}; seconds, CPU seconds, peak MB")
        for name, patterns in PATTERNS.items():
            figures: Dict[str, List[Figures]] = {agent: [] for agent in agents}
            for _ in range(runs_count):
                for agent, command in agents.items():
                    figures[agent].append(measure(command, patterns, os.path.join(folder, "tree"), environ))
            medians = {agent: [statistics.median(column) for column in zip(*rows)] for agent, rows in figures.items()}
            line = "".join(f"{agent:>12}{row[0]:7.2f}{row[1]:7.2f}{row[2]:6.0f}" for agent, row in medians.items())
            if "reference" in medians:
                ratios = [theirs / ours for ours, theirs in zip(medians["bkagent"], medians["reference"])]
                line += f"   reference / bkagent {ratios[0]:.2f} {ratios[1]:.2f} {ratios[2]:.2f}"
            print(f"{name:14}{line}")


if __name__ == "__main__":
    main()
