"""What starting the program costs, as multiples of `python3 -I -S -c pass` in the same run.

    python3 tests/bench/startup.py [--program 'dist/bkagent.pyz'] [--runs 20]

The commands of a job run as a job runs them: by its launcher, against the local socket of a job.
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

from tests.fakes.agent_process import AgentProcess, clean_environment  # noqa: E402
from tests.fakes.control_plane import FakeControlPlane  # noqa: E402

BARE = [sys.executable, "-I", "-S", "-c", "pass"]
PAGES = (["--version"], ["--help"], ["start", "--help"], ["pipeline", "upload", "--help"])
IN_JOB = (
    ["meta-data", "get", "key"], ["meta-data", "exists", "key"], ["meta-data", "set", "other", "value"],
    ["env", "get", "HOME"], ["annotate", "text"], ["redactor", "add", "--format", "none", "secret.txt"],
    ["pipeline", "upload", "steps.yml"],
)  # fmt: skip


def medians(commands: "list[list[str]]", runs: int, env: "dict[str, str]", cwd: str) -> "list[float]":
    """Return the median seconds of each command; the runs take turns, so that all meet the same machine."""
    taken: "list[list[float]]" = [[] for _ in commands]
    for _ in range(runs):
        for command, times in zip(commands, taken):
            began = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env, cwd=cwd)
            times.append(time.perf_counter() - began)
    return [statistics.median(times) for times in taken]


def show(names: "list[str]", times: "list[float]", bare_s: float) -> None:
    """Print a line for each."""
    for name, seconds in zip(names, times):
        print(f"{name:<44}{seconds * 1000:8.1f} ms  = {seconds / bare_s:5.2f} x", flush=True)


def in_job(program: "list[str]", runs: int, folder: Path) -> None:
    """Time the commands inside a job: this file runs itself there."""
    (folder / "secret.txt").write_text("a secret\n", encoding="ascii")
    (folder / "steps.yml").write_text("steps:\n" + "  - command: make\n" * 20, encoding="ascii")
    with FakeControlPlane(ping_interval=1) as plane:
        plane.meta_data["key"] = "value"
        script = f"cd {shlex.quote(str(folder))}; {sys.executable} {shlex.quote(__file__)} --here --runs {runs}"
        job = plane.add_job(script)
        with AgentProcess(folder / "agent", plane.endpoint, program=program):
            assert job.wait_finished(), job.text
        lines = [line.rpartition("\x07")[2] for line in job.text.splitlines()]
        print("\n".join(line for line in lines if " ms  = " in line or "rror" in line), flush=True)


def here(runs: int) -> None:
    """Time the commands in the job that this runs in."""
    commands = [BARE, *(["buildkite-agent", *words] for words in IN_JOB)]
    bare_s, *times = medians(commands, runs, dict(os.environ), os.getcwd())
    show([" ".join(words) for words in IN_JOB], times, bare_s)


def main() -> None:
    """Time the pages, then the commands of a job."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--program", default=f"{sys.executable} -m bkagent")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--here", action="store_true", help="for this program's own use")
    asked = parser.parse_args()
    if asked.here:
        here(asked.runs)
        return
    program = shlex.split(asked.program)
    if os.path.exists(program[0]):
        program[0] = os.path.abspath(program[0])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        env = clean_environment(folder)
        commands = [BARE, *([*program, *words] for words in PAGES)]
        medians(commands, 1, env, name)  # unpacks and compiles what has not been yet
        bare_s, *times = medians(commands, asked.runs, env, name)
        show([" ".join(words) for words in PAGES], times, bare_s)
        in_job(program, asked.runs, folder)


if __name__ == "__main__":
    main()
