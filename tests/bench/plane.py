"""What the control plane bears: rows of figures, each of a server of its own and of clients in another process.

    python3 tests/bench/plane.py [--program 'dist/bkagent.pyz'] [--only agents,dispatch] [--share 1.0]

A row is a file in tests/bench/plane_rows with a function `measure`, listed in ROWS. Times stand beside something that
was measured in the same run, as they are those of this machine and of what else it does. `--share` below 1 makes
fleets and builds smaller. Each row ends by itself, within a few minutes.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP))

from tests.bench.plane_rows import agents, builds, dispatch, logs  # noqa: E402

ROWS = {"agents": agents.measure, "dispatch": dispatch.measure, "builds": builds.measure, "logs": logs.measure}


def main() -> None:
    """Measure and print the rows that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(TOP / "dist" / "bkagent.pyz"))
    parser.add_argument("--only", default=",".join(ROWS))
    parser.add_argument("--share", type=float, default=1.0)
    asked = parser.parse_args()
    program = shlex.split(asked.program)
    program = [sys.executable, *program] if program[0].endswith(".pyz") else program
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} at the beginning", flush=True)
    for name in asked.only.split(","):
        with tempfile.TemporaryDirectory() as folder:
            for line in ROWS[name](program, Path(folder), asked.share):
                print(f"{name:<10}{line}", flush=True)


if __name__ == "__main__":
    main()
