"""What all processes of an agent cost together, beside the reference's agent where REFERENCE_AGENT names it.

    python3 tests/bench/tree.py [--program dist/bkagent.pyz] [--only idle,spawn,row,four,loads] [--runs 3]

idle    one worker without work           row     one job after another, that do nothing
spawn   50 workers without work           four    four such jobs at once, one after another
loads   what each kind of process of this checkout imports: modules, memory, time

Every process is counted by what /proc says of it: PSS (each shared page divided by the number of processes that share
it), RSS, threads, and CPU since it began. At work that is the highest sum that was seen. Both agents are measured in
turns, and the medians of the runs are printed. PSS is too low where other processes of these programs run. For Linux.
"""

from __future__ import annotations

import argparse
import compileall
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections import defaultdict
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Sequence

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP))

from tests.fakes.agent_process import AgentProcess, clean_environment  # noqa: E402
from tests.fakes.control_plane import FakeControlPlane  # noqa: E402

MARK = "BENCH_TREE_OF"  # in the environment of an agent, and so in that of all its processes
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
SETTLE_S, OBSERVE_S, LOOK_S = 8.0, 10.0, 0.02
JOBS_COUNT = 40
# By the last words of their command lines.
KINDS = ("job-process", "command-process", "agent-api-process", "bootstrap", "start")


class Usage(NamedTuple):
    """What processes use: memory in MB, the number of their threads, and seconds of a processor since they began."""

    pss_mb: float = 0.0
    rss_mb: float = 0.0
    threads: float = 0
    cpu_s: float = 0.0
    count: float = 0

    def plus(self, other: "Usage") -> "Usage":
        return Usage(*(mine + others for mine, others in zip(self, other)))


def process_ids(mark: str) -> "List[int]":
    """Return the processes whose environment has the mark."""
    marked = f"{MARK}={mark}".encode()
    return [
        int(name) for name in os.listdir("/proc")
        if name.isdigit() and marked in _read(f"/proc/{name}/environ").split(b"\0")
    ]  # fmt: skip


def usage_of(process_id: int) -> Usage:
    """Return what a process uses, nothing of one that has ended."""
    rollup, status = _numbers(f"/proc/{process_id}/smaps_rollup"), _numbers(f"/proc/{process_id}/status")
    if "Pss" not in rollup or "Threads" not in status:
        return Usage()
    fields = _read(f"/proc/{process_id}/stat").rpartition(b")")[2].split()
    ticks = (
        sum(map(int, fields[11:15])) if len(fields) > 15 else 0
    )  # its own, and those of the ended that it waited for
    return Usage(rollup["Pss"] / 1024, rollup["Rss"] / 1024, status["Threads"], ticks * TICK_S, 1)


def kind_of(process_id: int) -> str:
    """Return what a process is: of ours by its internal command, else its program."""
    words = _read(f"/proc/{process_id}/cmdline").decode("utf-8", "replace").split("\0")
    kind = next((kind for kind in KINDS if kind in words), "")
    if kind == "job-process":
        return "job process" if kind_of(_parent_of(process_id)).startswith(("warm", "job")) else "warm process"
    if not kind:
        return "command of a job" if "-I" in words else os.path.basename(words[0]) or "(ending)"
    return "agent" if kind == "start" else kind.replace("-", " ")


def _parent_of(process_id: int) -> int:
    fields = _read(f"/proc/{process_id}/stat").rpartition(b")")[2].split()
    return int(fields[1]) if len(fields) > 1 else 0


def _numbers(path: str) -> "Dict[str, int]":
    lines = [line.split() for line in _read(path).splitlines()]
    return {
        line[0][:-1].decode(): int(line[1]) for line in lines if len(line) > 1 and line[1].isdigit()
    }  # fmt: skip


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def usage_by_kind(mark: str) -> "Dict[str, Usage]":
    """Return what all processes of an agent use now, by their kind."""
    usages: "Dict[str, Usage]" = defaultdict(Usage)
    for process_id in process_ids(mark):
        usages[kind_of(process_id)] = usages[kind_of(process_id)].plus(usage_of(process_id))
    return usages


def total(usages: "Dict[str, Usage]") -> Usage:
    """Return the sum of all kinds."""
    whole = Usage()
    for usage in usages.values():
        whole = whole.plus(usage)
    return whole


Observation = Callable[[FakeControlPlane, AgentProcess, str], "Dict[str, Usage]"]


def observe_idle(plane: FakeControlPlane, agent: AgentProcess, mark: str) -> "Dict[str, Usage]":
    """Return the usage after a while without work; its CPU is that of a minute."""
    assert plane.wait_for(lambda: any(session["pings"] for session in plane.sessions.values())), agent.said
    time.sleep(SETTLE_S)
    before = usage_by_kind(mark)
    time.sleep(OBSERVE_S)
    after = usage_by_kind(mark)
    return {
        kind: usage._replace(cpu_s=(usage.cpu_s - before.get(kind, Usage()).cpu_s) * 60 / OBSERVE_S)
        for kind, usage in after.items()
    }  # fmt: skip


def observe_work(plane: FakeControlPlane, agent: AgentProcess, mark: str) -> "Dict[str, Usage]":
    """Return the highest sum of RSS while jobs run, by kind; its CPU is that of a job, of all processes."""
    assert plane.wait_for(lambda: any(session["pings"] for session in plane.sessions.values())), agent.said
    cpu_before_s = total(usage_by_kind(mark)).cpu_s
    jobs = [plane.add_job("true") for _ in range(JOBS_COUNT)]
    highest: "Dict[str, Usage]" = {}
    while not all(job.finishes for job in jobs):
        now = usage_by_kind(mark)
        if total(now).rss_mb > total(highest).rss_mb:
            highest = now
        assert agent.process.poll() is None, agent.said
        time.sleep(LOOK_S)
    cpu_s = (total(usage_by_kind(mark)).cpu_s - cpu_before_s) / JOBS_COUNT
    return {**{kind: usage._replace(cpu_s=0.0) for kind, usage in highest.items()}, "a job": Usage(cpu_s=cpu_s)}


ROWS: "Dict[str, tuple[int, Observation]]" = {
    "idle": (1, observe_idle), "spawn": (50, observe_idle), "row": (1, observe_work), "four": (4, observe_work),
}  # fmt: skip


def run_once(row: str, program: "Sequence[str]", folder: Path) -> "Dict[str, Usage]":
    """Return the usage of one agent in one row."""
    workers_count, observe = ROWS[row]
    mark = uuid.uuid4().hex
    with FakeControlPlane(ping_interval=1 if observe is observe_work else 10) as plane:
        flags = ("--spawn", str(workers_count))
        with AgentProcess(folder / mark, plane.endpoint, *flags, program=program, env={MARK: mark}) as agent:
            usages = observe(plane, agent, mark)
            agent.signal("SIGTERM")
            agent.wait()
    return usages


def show_row(row: str, programs: "Dict[str, List[str]]", folder: Path, runs_count: int) -> None:
    """Print the medians of each kind of process and of their sum, and what the sum is to that of the reference."""
    seen: "Dict[str, List[Dict[str, Usage]]]" = {name: [] for name in programs}
    for _ in range(runs_count):
        for name, program in programs.items():
            seen[name].append(run_once(row, program, folder))
    sums = {}
    for name, runs in seen.items():
        kinds = sorted({kind for run in runs for kind in run})
        for kind in kinds:
            show_usage(row, name, kind, _median([run.get(kind, Usage()) for run in runs]))
        sums[name] = _median([total(run) for run in runs])
        show_usage(row, name, "sum", sums[name])
    if "reference" in sums:
        ours, theirs = sums["ours"], sums["reference"]
        ratios = (f"{mine / other:.2f}x" if other else "-" for mine, other in zip(ours[:4], theirs[:4]))
        print(f"{row:6}{'ratio':32}" + "".join(f"{ratio:>11}" for ratio in ratios), flush=True)


def _median(usages: "List[Usage]") -> Usage:
    return Usage(*(statistics.median(numbers) for numbers in zip(*usages)))


def show_usage(row: str, name: str, kind: str, usage: Usage) -> None:
    """Print one line of the table."""
    print(
        f"{row:6}{name:11}{usage.count:3.0f} {kind:17}{usage.pss_mb:11.1f}{usage.rss_mb:11.1f}{usage.threads:11.0f}"
        f"{usage.cpu_s * 1000:11.0f}",
        flush=True,
    )


def show_loads(folder: Path) -> None:
    """Print what each kind of our processes imports, by starting it once more, with nothing to do."""
    compileall.compile_dir(str(TOP / "bkagent"), quiet=1)  # as an installed archive is
    mark = uuid.uuid4().hex
    words_of_kind: "Dict[str, List[str]]" = {}
    with FakeControlPlane() as plane:
        # Long enough for the process that runs what jobs call to come into being.
        job = plane.add_job("for i in 1 2 3 4 5 6; do buildkite-agent meta-data exists key; sleep 0.5; done; true")
        options = {"env": {MARK: mark}, "program": [sys.executable, "-X", "importtime", "-m", "bkagent"]}
        with AgentProcess(folder / mark, plane.endpoint, **options) as agent:  # type: ignore[arg-type]
            while not job.finishes:
                assert agent.process.poll() is None, agent.said
                words_of_kind.update(internal_commands(mark))
                time.sleep(LOOK_S)
            agent.signal("SIGTERM")
            agent.wait()
            show_load("agent", agent.said)
    for kind, words in sorted(words_of_kind.items()):
        words[1:1] = ["-X", "importtime"]
        environment = clean_environment(folder)
        ended = subprocess.run(
            words, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        show_load(kind, ended.stderr.decode("utf-8", "replace"))


def internal_commands(mark: str) -> "Dict[str, List[str]]":
    """Return the command line of each kind of process that an agent has started to run its own code."""
    words_of_kind = {}
    for process_id in process_ids(mark):
        words = _read(f"/proc/{process_id}/cmdline").decode("utf-8", "replace").split("\0")[:-1]
        if "-I" in words and kind_of(process_id) != "job process":  # which is a fork, and loads nothing again
            words_of_kind[kind_of(process_id)] = words
    return words_of_kind


def show_load(kind: str, printed: str) -> None:
    """Print the number of modules, the memory that they take in a fresh process, and the time that they took here."""
    rows = [line[12:].split("|") for line in printed.splitlines() if line.startswith("import time:")]
    modules = {row[2].strip(): int(row[0]) for row in rows if len(row) == 3 and row[0].strip().isdigit()}
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1])\n"
        "def rss():\n    return int(open('/proc/self/statm').read().split()[1])\n"
        "before = rss()\n"
        "for name in sys.stdin.read().split():\n    try: __import__(name)\n    except Exception: pass\n"
        "print(rss() - before)"
    )
    words = [sys.executable, "-I", "-S", "-c", code, str(TOP)]
    pages = subprocess.run(words, input="\n".join(modules), stdout=subprocess.PIPE, encoding="utf-8", check=True)
    size_mb = int(pages.stdout) * os.sysconf("SC_PAGE_SIZE") / 2**20
    ours = sum(name.startswith("bkagent") for name in modules)
    print(
        f"loads {kind:18}{len(modules):5} modules, {ours} of them ours{size_mb:8.1f} MB"
        f"{sum(modules.values()) / 1000:8.1f} ms",
        flush=True,
    )


def main() -> None:
    """Run the rows that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--program", default=f"{sys.executable} -m bkagent")
    parser.add_argument("--only", default="idle,spawn,row,four,loads")
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    program = shlex.split(asked.program)
    programs = {"ours": [os.path.abspath(program[0]) if os.path.exists(program[0]) else program[0], *program[1:]]}
    if os.environ.get("REFERENCE_AGENT"):
        programs["reference"] = [os.environ["REFERENCE_AGENT"]]
    print(f"{'':6}{'':32}{'PSS MB':>11}{'RSS MB':>11}{'threads':>11}{'CPU ms':>11}")
    with tempfile.TemporaryDirectory() as folder:
        for row in asked.only.split(","):
            if row == "loads":
                show_loads(Path(folder))
            else:
                show_row(row, programs, Path(folder), asked.runs)


if __name__ == "__main__":
    main()
