"""What a job prints arrives byte for byte, whatever it is, however the server takes it, whoever is killed meanwhile.

The model is a few lines: a terminal ends lines in CR LF, secrets become a mark, and time codes are put between.
"""

import random
import sys

import pytest

from tests.fakes import hostile_output
from tests.fakes.control_plane import LOSE, FakeControlPlane, FakeJob
from tests.whole.running import Start


def model(seed: int, has_terminal: bool) -> bytes:
    """Return what the server has to have of a stream, without time codes."""
    data = b"".join((hostile_output.BEGIN, *hostile_output.pieces(seed), hostile_output.END))
    if has_terminal:
        data = data.replace(b"\n", b"\r\n")
    for secret in hostile_output.secrets(seed):
        for form in (secret.encode(), secret.replace("\n", "\r\n").encode()):
            data = data.replace(form, b"[REDACTED]")
    return data


def arrived(job: FakeJob) -> bytes:
    """Return the stream as the server has it, without time codes."""
    begin, end = hostile_output.BEGIN.strip(), hostile_output.END.strip()
    log = job.log
    return log[log.index(begin) : log.rindex(end) + len(end)]


def size(job: FakeJob) -> int:
    """Return how many bytes the server has by now."""
    return sum(len(data) for _offset, data in list(job.chunks.values()))


def run(plane: FakeControlPlane, start: Start, seed: int) -> None:
    chance = random.Random(seed * 31 + 5)
    has_terminal = bool(seed % 3)
    plane.chunk_size = chance.choice((700, 5000, 100_000))
    env = {f"S{at}_SECRET": secret for at, secret in enumerate(hostile_output.secrets(seed))}
    job = plane.add_job(f"exec {sys.executable} -S {hostile_output.__file__} {seed}", env=env)
    if chance.random() < 0.5:
        plane.break_down("jobs/.*/chunks", chance.choice((500, 429, LOSE)), every=chance.randrange(3, 9))
    flags = ["--disconnect-after-job", *([] if has_terminal else ["--no-pty"])]
    agent = start(*flags)
    for _ in range(chance.randrange(3)):
        wanted = chance.randrange(1, 60_000)
        if plane.wait_for(lambda wanted=wanted: size(job) >= wanted or job.finish is not None) and job.finish is None:
            agent.signal("SIGKILL")
            agent.wait()
            agent = start(*flags)
    assert job.wait_finished(), agent.said
    assert job.finish["exit_status"] == "0", (seed, job.finish, agent.said)
    assert not job.problems
    expected = model(seed, has_terminal).strip()
    got = arrived(job)
    differing = (at for at, (left, right) in enumerate(zip(got, expected)) if left != right)
    at = next(differing, min(len(got), len(expected)))
    around = slice(max(0, at - 40), at + 40)
    assert got == expected, f"seed {seed}, byte {at} of {len(expected)}: {got[around]!r}, not {expected[around]!r}"
    agent.signal("SIGTERM")


# With and without a terminal, small and large chunks, each kind of refusal, and agents that are killed up to twice.
SEEDS = (0, 1, 2, 9, 11)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_byte_arrives_and_no_secret(plane: FakeControlPlane, start: Start, seed: int) -> None:
    run(plane, start, seed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", [*(seed for seed in range(12) if seed not in SEEDS), *range(100, 220)])
def test_every_byte_arrives_and_no_secret_many_times(plane: FakeControlPlane, start: Start, seed: int) -> None:
    run(plane, start, seed)
