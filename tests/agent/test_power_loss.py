"""The power goes while a job runs or ends: what the disk had is delivered, and no job looks more whole than its log."""

import os
import random
import signal
import sys
import uuid
from pathlib import Path
from typing import Dict, NamedTuple, Tuple

import pytest

from tests.fakes import power
from tests.fakes.agent_process import AgentProcess
from tests.fakes.control_plane import FakeControlPlane, deadline
from tests.whole.running import processes_with, wait_until

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the model of a disk reads /proc")

TALKER = """import os, sys, time
n = 0
while not os.path.exists(sys.argv[1]):
    n += 1
    print('line %d of the job %s' % (n, 'x' * (n % 97)), flush=True)
    time.sleep(0.001)
print('total %d' % n, flush=True)
"""
MARK = "POWER_MARK"


class Machine:
    """A machine with one agent; the second start of it finds what the disk had."""

    def __init__(self, tmp_path: Path, plane: FakeControlPlane) -> None:
        self.tmp_path, self.plane = tmp_path, plane
        self.disk = tmp_path / "disk"
        self.code = power.code(tmp_path / "code", self.disk)
        self.mark = uuid.uuid4().hex
        self.go = tmp_path / "go"
        (tmp_path / "talker.py").write_text(TALKER)
        self.job = plane.add_job(f"{sys.executable} {tmp_path / 'talker.py'} {self.go}")
        self.agent = self.start("first")

    def start(self, boot: str) -> AgentProcess:
        env = {"PYTHONPATH": str(self.code), power.BOOT: boot, MARK: self.mark}
        return AgentProcess(self.tmp_path / "agent", self.plane.endpoint, env=env)

    @property
    def state(self) -> Path:
        return self.tmp_path / "agent" / ".buildkite-agent" / "bkagent"

    @property
    def entry(self) -> Path:
        return self.state / "spool" / self.job.id

    def has_entry_on_disk(self) -> bool:
        """Whether the disk has the entry and more than five lines of its log; its name comes there last."""
        if not power.is_named(self.disk, self.entry):
            return False
        return (power.synced(self.disk, self.entry / "log") or b"").count(b"\n") > 5

    def has_result_on_disk(self) -> bool:
        path = self.entry / "result.json"
        return power.is_named(self.disk, path) and power.synced(self.disk, path) == path.read_bytes()

    def kill_all(self) -> None:
        """Kill every process of the machine."""
        while processes_with(MARK, self.mark):
            for pid in processes_with(MARK, self.mark):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass

    def cut(self, chance: random.Random) -> "Cut":
        """Cut the power, and put in place of the state what the disk has of it."""
        self.kill_all()
        self.agent.wait()
        before = self.state.with_name("before")
        self.state.rename(before)
        entry = before / "spool" / self.job.id
        power.after_cut(before, self.disk, self.state, chance)
        synced = [power.synced(self.disk, entry / name) or b"" for name in ("log", "chunks")]
        return Cut((entry / "log").read_bytes(), *synced, dict(self.job.chunks))

    def deliver(self) -> None:
        """Start the machine again, until its job has been finished."""
        again = self.start("second")
        try:
            assert self.job.wait_finished(), again.said
            assert wait_until(lambda: again.spool == []), again.said
            again.signal("SIGTERM")
            assert again.wait() == 0, again.said
        finally:
            again.__exit__()


class Cut(NamedTuple):
    """The moment of the cut: the whole log, what the disk had of it and of the journal, what was sent."""

    log: bytes
    synced_log: bytes
    synced_journal: bytes
    sent: Dict[int, Tuple[int, bytes]]

    @property
    def journalled(self) -> int:
        """How many bytes of the log the disk knows to be cut."""
        cuts = [line.split() for line in self.synced_journal.splitlines() if line.startswith(b"c ")]
        return int(cuts[-1][2]) + int(cuts[-1][3]) if cuts else 0

    def check(self, chunks: Dict[int, Tuple[int, bytes]]) -> None:
        """Compare what the control plane has in the end: only what was cut and sent unsynced may be in doubt."""
        covered, conflicts = set(), 0
        for number, (offset, data) in {**chunks, **self.sent}.items():
            conflicts += number in self.sent and self.sent[number] != chunks[number]
            known = self.log[offset : offset + len(data)]
            assert data == known or b"lost in a power failure" in data or offset + len(data) > len(self.synced_log)
            covered.update(range(offset, offset + len(data)))
        assert covered.issuperset(range(self.journalled if conflicts else len(self.synced_log)))


@pytest.fixture
def plane():
    with FakeControlPlane(ping_interval=0.2, job_status_interval=0.2, chunk_interval=0.05, chunk_size=3000) as running:
        yield running


@pytest.fixture
def machine(tmp_path, plane):
    made = Machine(tmp_path, plane)
    yield made
    made.kill_all()


def further(*seeds):
    """Mark seeds for the soak tier."""
    return [pytest.param(seed, marks=pytest.mark.soak) for seed in seeds]


@pytest.mark.parametrize("seed", [*range(3), *further(3, 4, 5)])
def test_power_lost_while_the_job_prints(machine, plane, seed):
    chance = random.Random(seed)
    line = chance.choice((60, 120, chance.randrange(60, 400)))
    assert machine.job.wait_printed(b"line %d " % line), machine.agent.said
    # What the disk does not know of a job yet, the next start cannot deliver: a slow disk is no fault.
    assert wait_until(machine.has_entry_on_disk), machine.agent.said
    cut = machine.cut(chance)
    machine.deliver()
    assert (machine.job.finish["exit_status"], machine.job.finish["signal_reason"]) == ("-1", "process_run_error")
    cut.check(machine.job.chunks)


@pytest.mark.parametrize("seed", [*range(3), *further(3, 4), pytest.param(5, marks=pytest.mark.raced)])
def test_power_lost_while_the_job_ends(machine, plane, seed):
    """The finish is refused for now, so that the entry stays; the power goes at some moment after the result."""
    chance = random.Random(100 + seed)
    fault = plane.break_down("jobs/.*/finish", 503)
    assert machine.job.wait_printed(b"line 100 "), machine.agent.said
    assert wait_until(machine.has_entry_on_disk), machine.agent.said
    machine.go.touch()
    name = chance.choice(("result.soon", "result.soon", "result.json"))
    # A result counts as brought to the disk when its name is there, too.
    there = (machine.entry / name).exists if name == "result.soon" else machine.has_result_on_disk
    assert wait_until(there), machine.agent.said
    cut = machine.cut(chance)
    fault.end()
    machine.deliver()
    finish = machine.job.finish
    cut.check(machine.job.chunks)
    if finish["exit_status"] == "0":
        assert cut.synced_log == cut.log and cut.log.rstrip().rpartition(b"\n")[2].count(b"total ") == 1
    else:
        assert (finish["exit_status"], finish["signal_reason"]) == ("-1", "process_run_error")
        assert name == "result.soon", "a result on the disk was not believed"


def test_the_log_is_on_the_disk_before_its_result(machine, plane):
    """Whatever the moment: a result that the disk has stands beside a log that the disk has, whole."""
    fault = plane.break_down("jobs/.*/finish", 503)
    assert machine.job.wait_printed(b"line 30 "), machine.agent.said
    machine.go.touch()
    patient = deadline()
    while not (machine.entry / "result.json").exists():
        assert patient(), machine.agent.said
    assert power.synced(machine.disk, machine.entry / "log") == (machine.entry / "log").read_bytes()
    fault.end()
    assert machine.job.wait_finished(), machine.agent.said
    assert machine.job.finish["exit_status"] == "0"


def reaches_disk(machine: Machine, path: Path) -> bool:
    there = path.read_bytes()
    return wait_until(lambda: (power.synced(machine.disk, path) or b"").startswith(there))


def test_log_and_journal_are_synced_while_the_job_runs(machine):
    assert machine.job.wait_printed(b"line 5 "), machine.agent.said
    log, journal = machine.entry / "log", machine.entry / "chunks"
    session = machine.entry.parents[1] / "sessions" / machine.entry.name
    for path in (log, journal, session, machine.entry / "job.json"):
        assert reaches_disk(machine, path), machine.agent.said
