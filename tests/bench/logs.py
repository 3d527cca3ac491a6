"""How fast a job's log goes from the job process to the wire: JobLog, spool entry, uploader.

    python3 tests/bench/logs.py [MEGABYTES]

Prints, for plain and coloured text with 0, 20 and 200 secrets, MB/s and CPU seconds, and the ratios of wall and CPU
time to compressing the same bytes with `gzip.compress(level=1)` in the same run. The job's side runs in a process
of its own, as in life; "job MB/s" is how fast it got rid of its output. Nothing is asserted but that all arrived.
"""

import gzip
import multiprocessing
import os
import random
import resource
import shutil
import sys
import tempfile
import threading
import time
from typing import Any, Dict, List, NamedTuple, Tuple

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from bkagent.logs.job_log import JobLog, stamper_for
from bkagent.logs.upload.uploader import Uploader
from bkagent.redaction.redactor import Redactor
from bkagent.spool import directory
from bkagent.spool.job_entry import attach
from bkagent.spool.manifest import JobManifest
from bkagent.spool.result import Result

BLOCK_BYTES = 64 * 1024
CHUNK_BYTES = 1024 * 1024
WORDS = ("compile", "link", "test", "/src/module/file_%d.c:", "warning", "unused", "variable", "in", "function", "ok")


class Spent(NamedTuple):
    """Seconds of wall and CPU time; the job's peak memory in KiB."""

    wall_s: float
    job_wall_s: float
    job_cpu_s: float
    agent_cpu_s: float
    job_peak_kib: int


def text(coloured: bool, megabytes: int) -> List[bytes]:
    """Return build-like output in blocks."""
    chance = random.Random(7)
    lines = []
    for number in range(20000):
        words = " ".join(chance.choice(WORDS) for _ in range(chance.randrange(4, 14))).replace("%d", str(number))
        if coloured:
            words = f"\x1b[3{chance.randrange(1, 7)}m{words}\x1b[0m" + ("\x1b[K" if number % 10 == 0 else "")
        lines.append(words + "\r\n")
    data = "".join(lines).encode()
    data *= megabytes * 1_000_000 // len(data) + 1
    return [data[at : at + BLOCK_BYTES] for at in range(0, megabytes * 1_000_000, BLOCK_BYTES)]


def job_side(folder: str, coloured: bool, megabytes: int, secrets: int, pipe: Any) -> None:
    """Print everything, as a job process does."""
    side = attach(folder)
    redactor = Redactor()
    for number in range(secrets):
        redactor.add(f"{random.Random(number).getrandbits(160):040x}")
    log = JobLog(side.append, redactor, stamper_for(side.job))
    blocks = text(coloured, megabytes)
    pipe.recv()
    started, cpu = time.perf_counter(), time.process_time()
    for block in blocks:
        log.child(block)
    log.flush()
    spent = time.perf_counter() - started, time.process_time() - cpu
    side.finish(Result(0))
    side.close()
    pipe.send((*spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))


def run(coloured: bool, megabytes: int, secrets: int) -> Spent:
    """Send the text through the whole path."""
    top = tempfile.mkdtemp()
    try:
        entry = directory.create(os.path.join(top, "spool"), JobManifest("job", "", "", chunk_max_bytes=CHUNK_BYTES))
        here, there = multiprocessing.Pipe()
        process = multiprocessing.Process(target=job_side, args=(entry.folder, coloured, megabytes, secrets, there))
        process.start()
        entry.process.wait_for_start()
        sent: Dict[int, int] = {}

        def sink(sequence: int, _offset: int, size: int, _body: bytes) -> None:
            sent[sequence] = size

        uploader = Uploader(entry, sink, lambda _level, _text, _event: None)
        here.send("go")
        started, cpu = time.perf_counter(), time.process_time()
        uploader.run(threading.Event())
        wall_s, agent_cpu_s = time.perf_counter() - started, time.process_time() - cpu
        job_wall_s, job_cpu_s, job_peak_kib = here.recv()
        process.join()
        assert sum(sent.values()) == entry.log_size() > megabytes * 1_000_000
        return Spent(wall_s, job_wall_s, job_cpu_s, agent_cpu_s, job_peak_kib)
    finally:
        shutil.rmtree(top)


def packing(coloured: bool, megabytes: int) -> Tuple[float, float]:
    """Return the wall and CPU seconds of compressing the same bytes once, chunk by chunk."""
    blocks = text(coloured, megabytes)
    started, cpu = time.perf_counter(), time.process_time()
    each = CHUNK_BYTES // BLOCK_BYTES
    for at in range(0, len(blocks), each):
        gzip.compress(b"".join(blocks[at : at + each]), 1)
    return time.perf_counter() - started, time.process_time() - cpu


def main(megabytes: int) -> None:
    """Measure and print a table."""
    print(f"{megabytes} MB in blocks of {BLOCK_BYTES} bytes, chunks of {CHUNK_BYTES}")
    print("text     secrets    MB/s  job MB/s   CPU s  (job + agent)  wall/gzip  CPU/gzip")
    for coloured in (False, True):
        for secrets in (0, 20, 200):
            gzip_wall_s, gzip_cpu_s = packing(coloured, megabytes)
            spent = run(coloured, megabytes, secrets)
            name = "coloured" if coloured else "plain"
            cpu_s = spent.job_cpu_s + spent.agent_cpu_s
            print(
                f"{name:8} {secrets:7} {megabytes / spent.wall_s:7.1f} {megabytes / spent.job_wall_s:9.1f} "
                f"{cpu_s:7.2f}  ({spent.job_cpu_s:4.2f} + {spent.agent_cpu_s:4.2f})  "
                f"{spent.wall_s / gzip_wall_s:11.2f} {cpu_s / gzip_cpu_s:9.2f}"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
