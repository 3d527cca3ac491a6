"""Speed, processor time and memory of artifact transfers, beside the reference and beside a bare client of sockets.

    REFERENCE_AGENT=buildkite-agent python3 tests/bench/artifacts.py [--program dist/bkagent.pyz] [--runs 5]
        [--only many,big,far,parts,walk] [--tls] [--share 1.0] [--folder /tmp]

many    2,000 files of 1 KB, up and down
big     one file of 512 MiB, up and down
far     300 files of 1 KB, up and down; the server answers after 50 ms, on a new connection after 150 ms
parts   one sparse file of 4 GiB, and one of 6 GiB, which the reference refuses; in parts of 64 MiB (run once)
walk    20,000 and 100,000 files looked through for an upload, with a pattern, `**/*.none`, that matches none

All talk to the same far side (artifact_rows/far_side.py), in a process of its own, whose processor time is printed:
where it is close to the time of a run, the far side was measured. Runs are interleaved, figures are medians, and in
brackets are the least and the most. Memory is the peak of all processes of a command together, of one more run: their
resident pages, and in brackets with shared pages counted once. `--share` below 1 makes everything smaller.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP))

from tests.bench.artifact_rows.runs import FarSideProcess, Spent, medians, run  # noqa: E402
from tests.fakes import certificates  # noqa: E402
from tests.fakes.installed_archive import install  # noqa: E402

BARE = TOP / "tests" / "bench" / "artifact_rows" / "bare_client.py"
MIB = 1024 * 1024


class Row(NamedTuple):
    """One thing to measure: what is sent in which direction, and the unit of the figure, so many of them a run."""

    title: str
    argv: List[str]
    amount: float
    unit: str
    bare: Optional[List[str]] = None
    delay_ms: float = 0
    parts: bool = False
    runs_count: Optional[int] = None
    is_for_all: bool = True  # False: the reference refuses it


class Bench:
    """The programs, the folder that they run in, and how often."""

    def __init__(
        self, programs: Dict[str, List[str]], folder: Path, runs_count: int, tls_folder: Optional[Path]
    ) -> None:
        self._programs, self._folder, self._runs_count, self._tls_folder = programs, folder, runs_count, tls_folder
        self._downs_count = 0

    def measure(self, row: Row) -> Iterator[str]:
        """Yield lines of figures."""
        with FarSideProcess(self._tls_folder, row.delay_ms, row.parts) as far_side:
            far_side.counts()
            names = list(self._programs) if row.is_for_all else ["ours"]
            spent: Dict[str, List[Spent]] = {name: [] for name in names}
            far_cpu_s: Dict[str, List[float]] = {name: [] for name in names}
            if row.bare:
                ca_file = [str(self._tls_folder / "ca.pem")] if self._tls_folder else []
                bare = [sys.executable, "-I", "-S", str(BARE), str(far_side.port), *row.bare, *ca_file]
                spent["bare client"], far_cpu_s["bare client"] = [], []
            for _ in range(row.runs_count or self._runs_count):
                for name in spent:
                    argv = bare if name == "bare client" else self._argv(name, row)
                    before = far_side.counts()["cpu_s"]
                    spent[name].append(run(argv, far_side, self._folder))
                    far_cpu_s[name].append(far_side.counts()["cpu_s"] - before)
            memory = {name: run(self._argv(name, row), far_side, self._folder, sample=True) for name in names}
        yield row.title
        reference = medians(spent["reference"]) if "reference" in spent else None
        for name, runs in spent.items():
            far = statistics.median(far_cpu_s[name])
            yield "  " + _figures(name, row, runs, far, memory.get(name), None if name == "reference" else reference)

    def _argv(self, name: str, row: Row) -> List[str]:
        """Return the command; a download has a new folder, since one that was emptied before is slow to fill."""
        if row.argv[1] != "download":
            return self._programs[name] + row.argv
        self._downs_count += 1
        folder = self._folder / f"down{self._downs_count}"
        folder.mkdir()
        return [*self._programs[name], *row.argv, folder.name]


def _figures(
    name: str, row: Row, runs: Sequence[Spent], far_cpu_s: float, memory: Optional[Spent], reference: Optional[Spent]
) -> str:
    middle = medians(runs)
    rates = [row.amount / one.wall_s for one in runs]
    text = f"{name:<12}{row.amount / middle.wall_s:9.0f} {row.unit}/s ({min(rates):.0f}..{max(rates):.0f})"
    cpu_s = [one.cpu_s for one in runs]
    text += f", CPU {middle.cpu_s:.2f} s ({min(cpu_s):.2f}..{max(cpu_s):.2f}), far side {far_cpu_s:.2f} s"
    if memory:
        text += f", memory {memory.rss_mb:.0f} MB ({memory.pss_mb:.0f})"
    if reference:
        text += f"; {reference.wall_s / middle.wall_s:.2f} x the reference, CPU {middle.cpu_s / reference.cpu_s:.2f} x"
    return text


def rows(folder: Path, asked: Sequence[str], share: float) -> Iterator[Row]:
    """Yield what is asked for, with its files made."""
    if "many" in asked:
        count = max(30, int(2000 * share))
        plant(folder / "many", count)
        yield Row(f"{count} files of 1 KB up", ["artifact", "upload", "many/**/*.txt"], count, "files",
                  ["up", str(count), "1024", "16"])  # fmt: skip
        yield Row(f"{count} files of 1 KB down", ["artifact", "download", f"{count}x1024"], count, "files",
                  ["down", str(count), "1024", "16"])  # fmt: skip
    if "big" in asked:
        size = int(512 * share) * MIB
        sparse(folder / "big.bin", size)
        yield Row(f"{size // MIB} MiB up", ["artifact", "upload", "big.bin"], size / 1e6, "MB",
                  ["up", "1", str(size), "1"])  # fmt: skip
        yield Row(f"{size // MIB} MiB down", ["artifact", "download", f"1x{size}"], size / 1e6, "MB",
                  ["down", "1", str(size), "1"])  # fmt: skip
    if "far" in asked:
        count = max(30, int(300 * share))
        plant(folder / "far", count)
        yield Row(f"{count} files of 1 KB up, answers after 50 ms", ["artifact", "upload", "far/**/*.txt"], count,
                  "files", ["up", str(count), "1024", "32"], 50)  # fmt: skip
        yield Row(f"{count} files of 1 KB down, answers after 50 ms", ["artifact", "download", f"{count}x1024"], count,
                  "files", ["down", str(count), "1024", "64"], 50)  # fmt: skip
    if "parts" in asked:
        for gib, is_for_all in ((4, True), (6, False)):  # the reference takes 5 GiB at most from any such storage
            size = int(gib * 1024 * share) * MIB
            sparse(folder / f"sparse{gib}.bin", size)
            yield Row(f"{size // MIB} MiB up, sparse, in parts", ["artifact", "upload", f"sparse{gib}.bin"], size / 1e6,
                      "MB", None, 0, True, 1, is_for_all)  # fmt: skip
    if "walk" in asked:
        for count in (int(20_000 * share), int(100_000 * share)):
            plant(folder / f"walk{count}", count)
            yield Row(f"{count} files looked through", ["artifact", "upload", f"walk{count}/**/*.none"], count, "files")


def plant(folder: Path, count: int) -> None:
    """Make files of 1 KB, 50 in a folder."""
    for number in range(count):
        below = folder / str(number // 1000) / str(number // 50)
        if number % 50 == 0:
            below.mkdir(parents=True)
        (below / f"f{number}.txt").write_bytes(b"%01024d" % number)


def sparse(path: Path, size: int) -> None:
    """Make a file without content, and read it once: whoever is first to read it takes twice the time."""
    with path.open("wb+") as file:
        file.truncate(size)
        while file.read(MIB):
            pass


def main() -> None:
    """Measure and print the rows that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(TOP / "dist" / "bkagent.pyz"))
    parser.add_argument("--only", default="many,big,far,parts,walk")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--folder", default=None)
    asked = parser.parse_args()
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} at the beginning", flush=True)
    with tempfile.TemporaryDirectory(dir=asked.folder) as top:
        for name in ("work", "installed", "tls"):
            (Path(top) / name).mkdir()
        programs = {"ours": [install(asked.program, Path(top) / "installed")]}
        if os.environ.get("REFERENCE_AGENT"):
            programs["reference"] = [os.environ["REFERENCE_AGENT"]]
        tls_folder = certificates.make(Path(top) / "tls") if asked.tls else None
        bench = Bench(programs, Path(top) / "work", asked.runs, tls_folder)
        for row in rows(Path(top) / "work", asked.only.split(","), asked.share):
            for line in bench.measure(row):
                print(line, flush=True)


if __name__ == "__main__":
    main()
