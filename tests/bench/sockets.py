"""What locks cost in a job, how soon the leader of the Agent API answers, and how soon another takes its place.

    python3 tests/bench/sockets.py [--program 'dist/bkagent.pyz'] [--jobs 50] [--seconds 20] [--kills 20]

Beside the commands stands flock(1) of the same run: a lock that is free, and one that is given to who waits for it.

An agent of the reference deposes a leader that does not answer a ping within 100 ms; ours shall take less than 20 ms
for 999 of 1000 while 50 jobs write to their logs, and another shall lead within 100 ms of a `kill -9`.
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Iterator, List

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP))

from tests.fakes.agent_process import AgentProcess  # noqa: E402
from tests.fakes.control_plane import FakeControlPlane  # noqa: E402

PING_EVERY_S = 0.005
REQUEST = b"GET /api/leader/v0/ping HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n"
# Some hundred lines a second, from a shell alone: no process is started for a line.
JOB = """i=0
while [ -e {go} ]; do i=$((i + 1)); echo "line $i of a job that writes to its log"; read -t 0.01 line <{pipe}; done
true"""
# Runs in a job. Prints a name and milliseconds a line.
LOCKS = """
import fcntl, subprocess, time
def run(*argv):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE).stdout.decode().strip()
def timed(name, work):
    began = time.perf_counter()
    work()
    print("TIME", name, (time.perf_counter() - began) * 1000)
def cycle():
    run("buildkite-agent", "lock", "release", "key", run("buildkite-agent", "lock", "acquire", "key"))
def hand_over(name, waiter, release):
    waiting = subprocess.Popen(waiter, stdout=subprocess.PIPE)
    time.sleep(0.3)
    release()
    timed(name, waiting.wait)
    return waiting.stdout.read().decode().strip()
for _ in range({rounds}):
    timed("env get", lambda: run("buildkite-agent", "env", "get", "HOME"))
    timed("lock get", lambda: run("buildkite-agent", "lock", "get", "key"))
    timed("lock acquire and release", cycle)
    timed("    flock(1)", lambda: run("flock", "file", "true"))
    token = run("buildkite-agent", "lock", "acquire", "key")
    token = hand_over("hand-over", ["buildkite-agent", "lock", "acquire", "key"],
                      lambda: run("buildkite-agent", "lock", "release", "key", token))
    run("buildkite-agent", "lock", "release", "key", token)
    with open("file", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        hand_over("    hand-over by flock(1)", ["flock", "file", "true"], file.close)
"""
# The least that a server of Python can be: what it takes is the machine's part of the time.
BARE = """import socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen(64)
while True:
    client = server.accept()[0]
    client.recv(4096)
    client.sendall(b'{"now"}')
    client.close()
"""


def ping(path: str) -> float:
    """Return the seconds that a ping took. Raises OSError without an answer."""
    began = time.perf_counter()
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(path)
        client.sendall(REQUEST)
        answer = b""
        while True:
            block = client.recv(4096)
            answer += block
            if not block:
                break
    if b'"now"' not in answer:
        raise OSError("no answer to a ping")
    return time.perf_counter() - began


def ping_for(path: str, seconds: float) -> None:
    """Ping each of two servers in turn, print the times; in a process of its own."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        print(*[ping(server) for server in path.split(":")])
        time.sleep(PING_EVERY_S)


def show(name: str, times_s: "List[float]") -> None:
    """Print a line of percentiles."""
    ordered = sorted(times_s)
    at = [ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000 for share in (0.5, 0.99, 0.999, 1)]
    columns = "  ".join(f"{label} {ms:7.2f} ms" for label, ms in zip(("p50", "p99", "p99.9", "most"), at))
    print(f"{name:<40}{columns}  of {len(ordered)}", flush=True)


def measure_pings(name: str, link: Path, seconds: float) -> None:
    """Ping from another process, which shares no interpreter with the control plane here."""
    bare = link.parent / "bare"
    server = subprocess.Popen([sys.executable, "-I", "-S", "-c", BARE, str(bare)], start_new_session=True)
    while not bare.exists():
        time.sleep(0.01)
    argv = [sys.executable, __file__, "--ping", f"{link}:{bare}", "--seconds", str(seconds)]
    try:
        output = subprocess.run(argv, stdout=subprocess.PIPE, check=True).stdout
    finally:
        server.kill()
        server.wait()
        bare.unlink()
    times_s = [[float(text) for text in line.split()] for line in output.splitlines()]
    show(f"ping, {name}", [row[0] for row in times_s])
    show(f"    a bare server, {name}", [row[1] for row in times_s])


def leading(link: Path) -> int:
    """Return the number of the process that leads, 0 where none answers."""
    try:
        pid = int(os.readlink(str(link)).rpartition("-")[2])
        ping(str(link))
        return pid
    except (OSError, ValueError):
        return 0


def await_leader(link: Path, former: int = 0) -> float:
    """Return the seconds until a leader answers that is not `former`."""
    began = time.perf_counter()
    while leading(link) in (0, former):
        time.sleep(0.0005)
    return time.perf_counter() - began


def await_lines(jobs: "list", count: int) -> None:
    """Return once every job has written something."""
    while sum(b"line 1 of" in job.log for job in jobs) < count:
        time.sleep(0.1)


def under_load(program: "List[str]", folder: Path, jobs_count: int, seconds: float) -> None:
    """Measure pings of an idle agent, and of one whose jobs write."""
    go, pipe = folder / "go", folder / "pipe"
    go.touch()
    os.mkfifo(pipe)
    keep = os.open(str(pipe), os.O_RDWR)
    link = folder / "agent" / "s" / "agent-leader"
    command = "bash -c " + shlex.quote(JOB.format(go=go, pipe=pipe))
    agent_flags = ("--agent-api", "--spawn", str(jobs_count))
    with FakeControlPlane(ping_interval=1) as plane, AgentProcess(
        folder / "agent", plane.endpoint, *agent_flags, program=program
    ):
        await_leader(link)
        measure_pings("no job", link, seconds / 4)
        jobs = [plane.add_job(command) for _ in range(jobs_count)]
        await_lines(jobs, jobs_count)
        measure_pings(f"{jobs_count} jobs write", link, seconds)
        go.unlink()
        assert all(job.wait_finished() for job in jobs)
    os.close(keep)


def locks_in_a_job(program: "List[str]", folder: Path, rounds: int) -> None:
    """Measure what commands about locks take in a job."""
    script = folder / "locks.py"
    script.write_text(LOCKS.format(rounds=rounds), encoding="utf-8")
    with FakeControlPlane(ping_interval=1) as plane, AgentProcess(
        folder / "agent", plane.endpoint, "--agent-api", program=program
    ):
        job = plane.add_job(shlex.join([sys.executable, str(script)]))
        assert job.wait_finished()
    times_s: "dict[str, List[float]]" = {}
    for line in job.log.decode("utf-8", "replace").splitlines():
        _, is_time, rest = line.partition("TIME ")
        if is_time:
            name, _, ms = rest.rpartition(" ")
            times_s.setdefault(name, []).append(float(ms) / 1000)
    for name in times_s:
        show(name, times_s[name])


def take_overs(program: "List[str]", folder: Path, kills: int) -> Iterator[float]:
    """Yield the seconds from the death of each leader until another answers; two agents wait, as a rule."""
    link = folder / "s" / "agent-leader"
    with FakeControlPlane(ping_interval=10) as plane:
        agents = []
        for number in range(3):
            flags = ("--agent-api", "--sockets-path", str(folder / "s"))
            agents.append(AgentProcess(folder / str(number), plane.endpoint, *flags, program=program))
        try:
            await_leader(link)
            for _ in range(kills):
                time.sleep(1.5)  # the process that was killed has come back
                pid = leading(link)
                os.kill(pid, signal.SIGKILL)
                yield await_leader(link, pid)
        finally:
            for agent in agents:
                agent.kill()


def main() -> None:
    """Read the command line; measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(TOP / "dist" / "bkagent.pyz"))
    parser.add_argument("--jobs", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--ping", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.ping:
        return ping_for(options.ping, options.seconds)
    program = shlex.split(options.program)
    program = [sys.executable, *program] if program[0].endswith(".pyz") else program
    with tempfile.TemporaryDirectory() as folder:
        locks_in_a_job(program, Path(folder), options.rounds)
    with tempfile.TemporaryDirectory() as folder:
        under_load(program, Path(folder), options.jobs, options.seconds)
    with tempfile.TemporaryDirectory() as folder:
        show("another leads after kill -9", list(take_overs(program, Path(folder), options.kills)))
    return None


if __name__ == "__main__":
    main()
