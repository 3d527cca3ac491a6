"""Locks of a machine's jobs: real agents that stand for election, real jobs that hold, wait and are killed."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import threading
import time
from pathlib import Path
from typing import Dict, List, Tuple

import pytest

from bkagent.errors import AgentError
from bkagent.localapi.leader.lock_table import RETURN_NS
from bkagent.system import boot
from tests.fakes.control_plane import FakeControlPlane, FakeJob
from tests.fakes.fake_leader import FakeLeader
from tests.localapi.leader.test_lock_service import Term
from tests.whole.locking import Machine
from tests.whole.running import PATIENCE_S, Start, wait_until

pytestmark = pytest.mark.skipif(os.sep == "\\", reason="Unix sockets")

TOKEN = re.compile(r"acquired\(pid=\d+,otp=[0-9a-f]{32}\)\n")


@pytest.fixture
def machine(archive: str, start: Start, tmp_path: Path) -> Machine:
    return Machine(archive, start, tmp_path / "agent")


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """Return a file that jobs wait for."""
    return tmp_path / "gate"


def test_a_counted_lock(machine: Machine) -> None:
    machine.agent()
    first = machine.run("acquire", "key", "--slots", "2").strip()
    assert TOKEN.fullmatch(first + "\n") and machine.run("get", "key") == "slots(1/2)\n"
    second = machine.run("acquire", "key", "--slots", "2").strip()
    assert machine.run("get", "key") == "slots(2/2)\n"
    assert "it was not free within" in machine.run(
        "acquire", "key", "--slots", "2", "--lock-wait-timeout", "50ms", status=1
    )
    with machine.command("acquire", "key") as alone:  # a plain lock waits for all of them
        assert wait_until(lambda: machine.waiting("key") == 1)
        machine.run("release", "key", second)
        assert machine.state("key") == "slots(1/2)" and alone.poll() is None
        machine.run("release", "key", first)
        token = alone.communicate(timeout=PATIENCE_S)[0].decode().strip()
    assert machine.state("key") == token
    assert "already unlocked" not in machine.run("release", "key", second, status=1)


def test_a_lock_with_an_end(machine: Machine) -> None:
    machine.agent()
    token = machine.run("acquire", "key", "--ttl", "200ms").strip()
    later = machine.run("acquire", "key", "--ttl", "1h").strip()
    assert "invalid lock state" in machine.run("release", "key", token, status=1)
    (holder,) = json.loads(machine.run("list", "--json"))[0]["holders"]
    assert holder["token"] == later and 0 < holder["expires_in_ms"] <= 3_600_000


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_command_that_is_stopped_leaves_the_queue(machine: Machine, number: int) -> None:
    machine.agent()
    token = machine.run("acquire", "key").strip()
    with machine.command("acquire", "key") as stopped:
        assert wait_until(lambda: machine.waiting("key") == 1)
        with machine.command("acquire", "key") as other:
            assert wait_until(lambda: machine.waiting("key") == 2)
            stopped.send_signal(number)
            stopped.communicate(timeout=PATIENCE_S)
            machine.run("release", "key", token)
            assert other.communicate(timeout=PATIENCE_S)[0].decode().strip() == machine.state("key")
    assert machine.waiting("key") == 0


@pytest.mark.parametrize("words", [("acquire", "key"), ("do", "key")])
def test_what_a_command_could_not_print_is_given_back(machine: Machine, words: Tuple[str, ...]) -> None:
    machine.agent()
    with open("/dev/full", "wb") as full:
        process = machine.command(*words, stdout=full)
        assert process.wait(PATIENCE_S) == 1
    assert machine.locks() == {}


def test_the_first_to_come_is_the_first_to_be_served(machine: Machine) -> None:
    machine.agent()
    machine.agent()  # takes over
    token, commands, order = machine.run("acquire", "key").strip(), [], []
    for count in range(1, 5):
        commands.append(machine.command("acquire", "key"))
        assert wait_until(lambda count=count: machine.waiting("key") == count)  # type: ignore[misc]
    killed = machine.kill_leader()
    assert wait_until(lambda: machine.leader_pid() not in (0, killed) and machine.leads())
    assert wait_until(lambda: machine.waiting("key") == 4) and machine.state("key") == token
    while len(order) < 4:
        machine.run("release", "key", token)
        assert wait_until(lambda: machine.state("key"))
        token = machine.state("key")
        (granted,) = [command for command in commands if f"pid={command.pid}," in token]
        assert granted.communicate(timeout=PATIENCE_S)[0].decode().strip() == token
        order.append(granted)
    assert order == commands


@pytest.mark.skipif(not boot.boot_id(), reason="no boot id, so no journal")
def test_the_first_to_come_is_the_first_to_be_served_by_a_leader_that_comes_after_the_end_of_the_holder(
    machine: Machine,
) -> None:
    now = [time.monotonic_ns() + 10**12]  # stands still, behind the moments of all commands
    machine.sockets.mkdir(mode=0o700, parents=True)
    term = Term(machine.sockets, lambda: now[0])
    try:
        token = machine.run("acquire", "key").strip()
        first = machine.command("acquire", "key")
        assert wait_until(lambda: machine.waiting("key") == 1)
        second = machine.command("acquire", "key")
        assert wait_until(lambda: machine.waiting("key") == 2)
        first.send_signal(signal.SIGSTOP)  # so that it comes back last
        term.stop()
        term = Term(machine.sockets, lambda: now[0])
        machine.run("release", "key", token)
        assert wait_until(lambda: machine.waiting("key") == 1) and machine.state("key") == ""
        first.send_signal(signal.SIGCONT)
        assert wait_until(lambda: machine.waiting("key") == 2) and machine.state("key") == ""
        now[0] += RETURN_NS
        for command in (first, second):
            token = machine.state("key")
            assert command.communicate(timeout=PATIENCE_S)[0].decode().strip() == token
            machine.run("release", "key", token)
    finally:
        term.stop()


def test_a_wait_goes_over_to_a_leader_of_the_reference_and_back(machine: Machine) -> None:
    machine.agent()
    machine.run("acquire", "key")
    other = FakeLeader(machine.sockets)
    other.states["key"] = "taken"
    with machine.command("acquire", "key") as command:
        assert wait_until(lambda: machine.waiting("key") == 1)
        with other:
            assert other.wait_seen("PATCH")
            assert command.poll() is None
        # What no job holds is forgotten, as the other leader knew nothing of it.
        token = command.communicate(timeout=PATIENCE_S)[0].decode().strip()
    assert command.returncode == 0 and machine.state("key") == token


def test_what_is_listed(machine: Machine, plane: FakeControlPlane, gate: Path) -> None:
    machine.agent()
    job = plane.add_job(f"buildkite-agent lock acquire 'a b'; while [ ! -e '{gate}' ]; do sleep 0.02; done")
    assert wait_until(lambda: "a b" in machine.locks())
    (lock,) = json.loads(machine.run("list", "--json"))
    (holder,) = lock["holders"]
    assert (lock["key"], lock["value"], lock["slots"], lock["waiting"]) == ("a b", holder["token"], 1, 0)
    assert (holder["job"], holder["agent"], holder["keep"]) == (job.id, "tester", False)
    heads, row = machine.run("list").splitlines()
    assert heads.split()[:3] == ["KEY", "STATE", "SINCE"]
    assert row.startswith("a b  held  ") and job.id in row and f"  {holder['pid']}  " in row
    gate.touch()
    assert job.wait_finished() and wait_until(lambda: machine.run("list") == "no key is in use\n")


ENDS = ["success", "failure", "cancel", "kill of its process", "kill of its agent"]


@pytest.mark.raced
@pytest.mark.parametrize("end", ENDS)
def test_a_lock_goes_on_to_the_next_job_however_its_holder_ends(
    machine: Machine, plane: FakeControlPlane, gate: Path, end: str
) -> None:
    agents = [machine.agent()]
    status = 1 if end == "failure" else 0
    holder = plane.add_job(
        f"buildkite-agent lock acquire key; while [ ! -e '{gate}' ]; do sleep 0.02; done; exit {status}"
    )
    assert wait_until(lambda: "key" in machine.locks()), machine.said
    agents.append(machine.agent())
    waiter = plane.add_job("T=$(buildkite-agent lock acquire key) && buildkite-agent lock list && echo got-$((1+1))")
    assert wait_until(lambda: machine.waiting("key") == 1), machine.said
    if end == "cancel":
        holder.state = "canceling"
    elif end == "kill of its process":
        os.kill(machine.job_process(holder), signal.SIGKILL)
    else:
        if end == "kill of its agent":
            agents[0].kill()
        assert machine.locks()["key"]["holders"][0]["job"] == holder.id
        gate.touch()
    assert waiter.wait_finished() and "got-2" in waiter.text, (waiter.text, machine.said)
    assert waiter.id in waiter.text and holder.id not in waiter.text


@pytest.mark.raced
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_no_command_misses_the_leader_while_the_lead_changes_hands(machine: Machine, end: signal.Signals) -> None:
    agents = [machine.agent() for _ in range(4)]
    errors: List[str] = []
    changed = threading.Event()

    def ask() -> None:
        while not changed.is_set():
            try:
                machine.state("key")
            except AgentError as error:
                errors.append(str(error))

    asking = threading.Thread(target=ask)
    asking.start()
    for agent in agents[:-1]:
        os.kill(agent.process.pid, end)
        agent.process.wait()
    assert wait_until(machine.leads), machine.said
    changed.set()
    asking.join()
    assert errors == []


def test_what_is_left_of_a_job_that_has_ended(machine: Machine, plane: FakeControlPlane) -> None:
    machine.agent()
    calls = [
        "acquire freed", "acquire --keep kept", "do begun", "do --keep begun-and-kept", "do done", "done done",
        "acquire --slots 3 counted",
    ]  # fmt: skip
    job = plane.add_job("set -e\n" + "\n".join(f"buildkite-agent lock {call}" for call in calls))
    assert job.wait_finished() and job.finish["exit_status"] == "0", job.text
    assert wait_until(lambda: not {"freed", "begun", "counted"} & set(machine.locks()))
    assert {key: row["value"][:9] for key, row in machine.locks().items()} == {
        "kept": "acquired(", "begun-and-kept": "doing", "done": "done",
    }  # fmt: skip
    waiter = plane.add_job("buildkite-agent lock do begun; buildkite-agent lock do done")
    assert waiter.wait_finished() and re.search(r"^do\ndone\n", waiter.text, re.MULTILINE), waiter.text


# Each worker enters again and again. That it is alone is seen by a kernel lock, which dies with its process.
_WORKERS = """
worker() {{
  while [ ! -e '{folder}/stop' ]; do
    token=$(buildkite-agent lock acquire invariant 2>>'{folder}/failures-'"$BUILDKITE_JOB_ID") || return
    exec 7>>'{folder}/inside'
    flock -n 7 || echo "$BUILDKITE_JOB_ID $1" >>'{folder}/violations'
    echo "$BUILDKITE_JOB_ID $1" >>'{folder}/entries'
    exec 7>&-
    buildkite-agent lock release invariant "$token" 2>>'{folder}/failures-'"$BUILDKITE_JOB_ID"
  done
}}
for number in {numbers}; do worker "$number" & done
wait
"""


class Contention:
    """Jobs whose workers contend for one lock."""

    def __init__(self, machine: Machine, plane: FakeControlPlane, folder: Path, workers_count: int) -> None:
        self._machine, self._plane, self._folder = machine, plane, folder
        numbers = " ".join(map(str, range(workers_count)))
        self._script = _WORKERS.format(folder=folder, numbers=numbers)
        self.jobs: List[FakeJob] = []
        folder.mkdir()

    def add_job(self) -> None:
        self.jobs.append(self._plane.add_job(self._script))

    def entries(self) -> List[str]:
        """Return who has entered, in order: the job and the worker."""
        try:
            return (self._folder / "entries").read_text().splitlines()
        except FileNotFoundError:
            return []

    def wait_entered(self, count: int) -> None:
        """Wait until workers have entered so often from now on."""
        before = len(self.entries())
        assert wait_until(lambda: len(self.entries()) >= before + count), self.report()

    def kill_one(self, chance: random.Random) -> None:
        """Kill a job at random, and let another one take its place."""
        running = [job for job in self.jobs if any(entry.startswith(job.id) for entry in self.entries())]
        if running:
            job = chance.choice(running)
            self.jobs.remove(job)
            self._machine.kill_job(job)
            self.add_job()

    def stop(self) -> None:
        """Let every job come to its end."""
        (self._folder / "stop").touch()
        for job in self.jobs:
            assert job.wait_finished(), self.report()
            assert job.finish["exit_status"] == "0", job.text

    def trouble(self) -> Dict[str, str]:
        """Return what went wrong, but for what the jobs that were killed have said while they died."""
        files = [self._folder / name for name in ("violations", *(f"failures-{job.id}" for job in self.jobs))]
        return {file.name: file.read_text() for file in files if file.exists() and file.stat().st_size}

    def longest_pause(self) -> int:
        """Return how many entries of others the most unlucky worker waited for, between two of its own."""
        last: Dict[str, int] = {}
        longest = 0
        for at, entry in enumerate(self.entries()):
            longest = max(longest, at - last.get(entry, at))
            last[entry] = at
        return longest

    def report(self) -> str:
        return f"{len(self.entries())} entries; {self.trouble()}; {self._machine.locks()}\n{self._machine.said}"


@pytest.mark.parametrize(
    "seed, rounds_count, jobs_count, workers_count",
    [(1, 3, 2, 3), pytest.param(2, 200, 5, 10, marks=pytest.mark.soak)],
)
def test_each_is_alone_and_none_starves_while_holders_and_leaders_are_killed(
    machine: Machine, plane: FakeControlPlane, tmp_path: Path,
    seed: int, rounds_count: int, jobs_count: int, workers_count: int,
) -> None:  # fmt: skip
    if shutil.which("flock") is None:
        pytest.skip("there is no flock here")
    chance = random.Random(seed)
    contention = Contention(machine, plane, tmp_path / "contention", workers_count)
    for _ in range(2):
        machine.agent("--spawn", str(jobs_count))
    for _ in range(jobs_count):
        contention.add_job()
    for _ in range(rounds_count):
        contention.wait_entered(chance.randrange(1, 2 * workers_count))
        if chance.random() < 0.5:
            killed = machine.kill_leader()
            assert wait_until(lambda killed=killed: machine.leader_pid() != killed), contention.report()  # type: ignore[misc]
        else:
            contention.kill_one(chance)
    contention.wait_entered(jobs_count * workers_count)
    contention.stop()
    assert not contention.trouble(), contention.report()
    assert contention.longest_pause() <= 4 * jobs_count * workers_count, contention.entries()
    assert wait_until(lambda: "invariant" not in machine.locks()), contention.report()
