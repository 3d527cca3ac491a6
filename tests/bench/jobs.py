"""What a job's author waits for, as ratios against something measured in the same run.

    python3 tests/bench/jobs.py [--program 'dist/bkagent.pyz'] [--only noop,output,injob]

noop    from accept to finish of a job that does nothing, against `bash -e -c true`
output  a job that prints 100 MB, against `gzip -1` of the same bytes
injob   `buildkite-agent meta-data get` inside a job, against `python3 -I -S -c pass`
"""

import argparse
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP))

from tests.fakes.agent_process import AgentProcess  # noqa: E402
from tests.fakes.control_plane import FakeControlPlane, Request  # noqa: E402

NOOP_COUNT, INJOB_COUNT, OUTPUT_BYTES = 20, 20, 100_000_000
TIMES = """
import os, subprocess, sys, time
def median(argv):
    taken = []
    for _ in range(%d):
        began = time.perf_counter()
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
        taken.append(time.perf_counter() - began)
    return sorted(taken)[len(taken) // 2]
bare = [sys.executable, "-I", "-S", "-c", "pass"]
print("TIMES", median(["buildkite-agent", "meta-data", "get", "key"]), median(bare))
"""


class TimedPlane(FakeControlPlane):
    """Notes when each job was accepted and finished."""

    def __init__(self, **knobs: float) -> None:
        super().__init__(**knobs)  # type: ignore[arg-type]
        self.moments: "dict[str, dict[str, float]]" = {}

    def answer(self, request: Request) -> "tuple[int, object]":
        words = request.path.split("/")
        if words[0] == "jobs" and words[-1] in ("accept", "finish"):
            self.moments.setdefault(words[1], {})[words[-1]] = time.perf_counter()
        return super().answer(request)

    def took_s(self, job_id: str) -> float:
        return self.moments[job_id]["finish"] - self.moments[job_id]["accept"]


def noop(program: "list[str]", folder: Path) -> None:
    """Print how long a job that does nothing takes."""
    bare = _median([_timed(["bash", "-e", "-c", "true"]) for _ in range(NOOP_COUNT)])
    with TimedPlane(ping_interval=1) as plane:
        jobs = [plane.add_job("true") for _ in range(NOOP_COUNT)]
        with AgentProcess(folder / "noop", plane.endpoint, program=program):
            assert all(job.wait_finished() for job in jobs)
        _show("noop", _median([plane.took_s(job.id) for job in jobs]), bare, "bash -e -c true")


def output(program: "list[str]", folder: Path) -> None:
    """Print how long a job takes that prints 100 MB."""
    big = folder / "big"
    with big.open("wb") as file:
        number = 0
        while file.tell() < OUTPUT_BYTES:
            file.write(
                b"".join(
                    b"%09d the quick brown fox jumps over the lazy dog\n" % (number + line) for line in range(10_000)
                )
            )
            number += 10_000
    bare = _timed(["sh", "-c", f"gzip -1 < {big} > /dev/null"])
    with TimedPlane(ping_interval=1, chunk_size=1_000_000) as plane:
        job = plane.add_job(f"cat {big}")
        with AgentProcess(folder / "output", plane.endpoint, program=program):
            assert job.wait_finished()
        _show("output", plane.took_s(job.id), bare, "gzip -1")


def injob(program: "list[str]", folder: Path) -> None:
    """Print how long an in-job command takes."""
    script = folder / "times.py"
    script.write_text(TIMES % INJOB_COUNT)
    with TimedPlane(ping_interval=1) as plane:
        plane.meta_data["key"] = "value"
        job = plane.add_job(f"{sys.executable} {script}")
        with AgentProcess(folder / "injob", plane.endpoint, program=program):
            assert job.wait_finished() and job.finish["exit_status"] == "0", job.text
        line = next(line for line in job.text.splitlines() if line.startswith("TIMES"))
        ours, bare = (float(word) for word in line.split()[1:])
        _show("injob", ours, bare, "python3 -I -S -c pass")


def _timed(argv: "list[str]") -> float:
    began = time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def _median(values: "list[float]") -> float:
    return statistics.median(values)


def _show(name: str, ours_s: float, bare_s: float, against: str) -> None:
    print(
        f"{name:<8}{ours_s * 1000:10.1f} ms  = {ours_s / bare_s:6.2f} x {against} ({bare_s * 1000:.1f} ms)", flush=True
    )


def main() -> None:
    """Run the questions that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--program", default=f"{sys.executable} -m bkagent")
    parser.add_argument("--only", default="noop,output,injob")
    asked = parser.parse_args()
    program = shlex.split(asked.program)
    if os.path.exists(program[0]):
        program[0] = os.path.abspath(program[0])
    with tempfile.TemporaryDirectory() as folder:
        for name in asked.only.split(","):
            {"noop": noop, "output": output, "injob": injob}[name](program, Path(folder))


if __name__ == "__main__":
    main()
