"""The archive's agent where something breaks: servers out of order, logs of many megabytes, kills at any moment."""

import hashlib
import os
import random
import signal
import sys
from pathlib import Path

import pytest

from tests.fakes.control_plane import LOSE, FakeControlPlane, FakeJob
from tests.whole.running import Start, wait_until

# Prints numbered lines until the file exists that it is given; the last line says how many there were.
TALKER = """import os, sys, time
n = 0
print('begin', flush=True)
while not os.path.exists(sys.argv[1]):
    n += 1
    print('line %d of the job %s' % (n, 'x' * (n % 97)), flush=True)
    time.sleep(0.001)
print('total %d' % n, flush=True)
"""
# Prints a number of bytes that a seed chooses, as lines of many lengths, and the digest of what it printed.
SPEAKER = """import hashlib, random, sys
chance = random.Random(int(sys.argv[1]))
digest, left = hashlib.sha256(), int(sys.argv[2])
out = sys.stdout.buffer
while left > 0:
    piece = b''.join(b'%x\\n' % chance.getrandbits(chance.randrange(4, 3000)) for _ in range(200))[:left]
    digest.update(piece)
    out.write(piece)
    left -= len(piece)
out.write(b'\\ndigest ' + digest.hexdigest().encode() + b'\\n')
"""


def check_talk(job: FakeJob) -> int:
    """Check that every line came once, in order and whole; return how many there were."""
    assert not job.problems and len(job.finishes) == 1
    said = [line for line in job.text.splitlines() if line.startswith(("line ", "total "))]
    count = int(said[-1].split()[1])
    assert said[:-1] == [f"line {n} of the job {'x' * (n % 97)}" for n in range(1, count + 1)]
    return count


def test_a_server_out_of_order_for_a_while(plane: FakeControlPlane, start: Start) -> None:
    job = plane.add_job("seq 5000")
    calls = ("register", "connect", "ping", "accept", "start", "chunks", "finish", "disconnect")
    faults = {call: plane.break_down(f"(/|^[A-Z]+ ){call}$", 500) for call in calls}
    agent = start("--disconnect-after-job")
    for call, fault in faults.items():
        assert plane.wait_for(lambda fault=fault: fault.hits >= 1), f"{call}\n{agent.said}"
        fault.end()
    assert agent.wait() == 0, agent.said
    assert len(job.finishes) == 1 and job.finish["exit_status"] == "0" and not job.problems
    assert job.text.endswith("".join(f"{number}\n" for number in range(1, 5001)))


@pytest.mark.parametrize("pty", [True, False])
def test_twenty_megabytes_arrive_byte_for_byte(
    plane: FakeControlPlane, start: Start, tmp_path: Path, pty: bool
) -> None:
    plane.chunk_size = 1_000_000
    size = 20_000_000 if pty else 5_000_000
    (tmp_path / "speaker.py").write_text(SPEAKER)
    job = plane.add_job(f"{sys.executable} {tmp_path / 'speaker.py'} {size} {size}")
    plane.break_down("jobs/.*/chunks", 500, every=9)
    plane.break_down("jobs/.*/chunks", LOSE, every=11)
    agent = start("--disconnect-after-job", *(() if pty else ("--no-pty",)))
    assert agent.wait() == 0, agent.said
    assert job.finish["exit_status"] == "0" and not job.problems
    log = job.log.replace(b"\r\n", b"\n")
    end = log.rindex(b"\ndigest ")
    begin = end - size
    assert log[begin - 1 : begin] == b"\n"
    assert hashlib.sha256(log[begin:end]).hexdigest() == log[end:].split()[1].decode()


def kill_round(plane: FakeControlPlane, start: Start, tmp_path: Path, seed: int) -> None:
    """One job whose agent is killed at a moment that the seed chooses; the next agent delivers it whole."""
    chance = random.Random(seed)
    go = tmp_path / f"go-{seed}"
    agent = start()
    job = plane.add_job(f"{sys.executable} {tmp_path / 'talker.py'} {go}")
    if chance.random() < 0.25:  # while a chunk is on its way, taken or not
        fault = plane.break_down("jobs/.*/chunks$", chance.choice((LOSE, 503)))
        assert plane.wait_for(lambda: fault.hits >= 1), agent.said
        agent.signal("SIGKILL")
        fault.end()
    else:
        line = chance.choice((0, 1, chance.randrange(2, 60), chance.randrange(60, 400)))
        assert job.wait_printed(f"line {line} ".encode() if line else b"begin"), agent.said
        if chance.random() < 0.4:
            go.touch()  # so that the job ends at about the moment of the kill
        agent.signal("SIGKILL")
    agent.wait()
    again = start()
    assert again.wait_said("Waiting for instructions"), again.said
    go.touch()
    assert job.wait_finished(), again.said
    assert wait_until(lambda: again.spool == []), again.said
    assert job.finish["exit_status"] == "0", (seed, job.finish, again.said)
    check_talk(job)
    again.signal("SIGTERM")
    assert again.wait() == 0, again.said


# At the job's first line and at later ones, while it goes on and as it ends, while a chunk is taken and is refused.
KILLS = (0, 1, 5, 6, 8, 9)


def test_a_killed_agent_loses_nothing(plane: FakeControlPlane, start: Start, tmp_path: Path) -> None:
    plane.chunk_size = 3000
    (tmp_path / "talker.py").write_text(TALKER)
    for seed in KILLS:
        kill_round(plane, start, tmp_path, seed)


@pytest.mark.soak
@pytest.mark.parametrize("first", [0, *range(1000, 1240, 24)])
def test_a_killed_agent_loses_nothing_many_times(
    plane: FakeControlPlane, start: Start, tmp_path: Path, first: int
) -> None:
    plane.chunk_size = 3000
    (tmp_path / "talker.py").write_text(TALKER)
    for seed in range(first, first + 24):
        kill_round(plane, start, tmp_path, seed)


def test_secrets_never_reach_the_disk(plane: FakeControlPlane, start: Start, tmp_path: Path) -> None:
    secret, late = "s3cr3t-4fd1c0a97b", "late-s3cr3t-4fd1c0a97b"
    hook = tmp_path / "hooks" / "environment"
    hook.parent.mkdir()
    hook.write_text('export LATE_TOKEN="late-$MY_SECRET"\n')
    job = plane.add_job(
        'echo "before $MY_SECRET $LATE_TOKEN after"; printf %s "${MY_SECRET%97b}"; sleep 0.3; printf "97b\\n";'
        ' i=0; while test $i -lt 200; do echo "again $MY_SECRET"; i=$((i+1)); done; echo ready-$((1+1)); sleep 600',
        {"MY_SECRET": secret},
    )
    agent = start("--hooks-path", str(hook.parent))
    assert job.wait_printed(b"ready-2"), agent.said
    check_secrets(tmp_path, job, secret, late)
    agent.signal("SIGKILL")
    agent.wait()
    check_secrets(tmp_path, job, secret, late)
    again = start("--hooks-path", str(hook.parent))
    assert again.wait_said("taking over"), again.said
    again.signal("SIGQUIT")
    again.wait()
    assert job.wait_finished() and wait_until(lambda: again.spool == []), again.said
    assert secret not in job.text and job.text.count("again [REDACTED]\n") == 200
    assert "before [REDACTED] [REDACTED] after\n[REDACTED]\n" in job.text
    assert holding(tmp_path, secret) == []


def check_secrets(folder: Path, job: FakeJob, secret: str, late: str) -> None:
    """Check that a running job's secrets are in its two environment files, for its owner's eyes, and nowhere else."""
    assert any(b"again [REDACTED]" in read(path) for path in files(folder))
    assert holding(folder, late) == []
    kept = holding(folder, secret)
    assert {path.name for path in kept} == {f"job-env-{job.id}", f"job-env-json-{job.id}"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in kept)


def holding(folder: Path, text: str) -> "list[Path]":
    """Return the files below a folder that hold a text; what vanishes meanwhile holds none."""
    return [path for path in files(folder) if text.encode() in read(path)]


def files(folder: Path) -> "list[Path]":
    return [Path(where) / name for where, _, names in os.walk(folder) for name in names if is_file(Path(where) / name)]


def is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def test_a_job_survives_agents_that_only_ever_die(plane: FakeControlPlane, start: Start, tmp_path: Path) -> None:
    """Each agent is killed as soon as it has delivered a little more."""
    plane.chunk_size = 2000
    (tmp_path / "talker.py").write_text(TALKER)
    go = tmp_path / "go"
    job = plane.add_job(f"{sys.executable} {tmp_path / 'talker.py'} {go}")
    plane.break_down("jobs/.*/chunks", LOSE, every=7)
    for goal in range(50, 300, 50):
        agent = start()
        assert job.wait_printed(f"line {goal} ".encode()), agent.said
        os.kill(agent.process.pid, signal.SIGKILL)
        agent.wait()
    go.touch()
    agent = start()
    assert job.wait_finished(), agent.said
    assert check_talk(job) >= 250
