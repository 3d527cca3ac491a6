"""Locks beside agents and commands of the reference itself: hand-overs under contention, and what both print."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Dict, Iterator, List, Sequence, Tuple

import pytest

from tests.fakes.agent_process import AgentProcess, clean_environment
from tests.fakes.control_plane import FakeControlPlane
from tests.fakes.leader import leads
from tests.fakes.reference import PROGRAM, needs_reference
from tests.whole.running import wait_until

pytestmark = [
    pytest.mark.soak,
    needs_reference,
    pytest.mark.skipif(shutil.which("flock") is None, reason="there is no flock here"),
]

BOTH = ("ours", "reference")
HAND_OVERS_COUNT = 100
# Enters again and again. That it is alone is seen by a kernel lock, which no leader knows of.
_WORKER = """
while [ ! -e stop ]; do
  token=$("$@" lock acquire invariant) || exit
  exec 7>>inside
  flock -n 7 || echo "$name" >>violations
  echo "$name" >>entries
  exec 7>&-
  "$@" lock release invariant "$token" || exit
done
"""


class Mixed:
    """A machine on which one of the two programs leads and commands of both are called."""

    def __init__(self, archive: str, plane: FakeControlPlane, folder: Path) -> None:
        self.programs = {"ours": (sys.executable, archive), "reference": (PROGRAM,)}
        self.root, self._folder, self._plane, self._sockets = folder, folder, plane, folder / "s"
        self.env: Dict[str, str] = {}

    @contextlib.contextmanager
    def led_by(self, leader: str) -> Iterator[None]:
        """Start an agent of a program in a folder of its own: no lock is left of the agent before."""
        self.root = Path(tempfile.mkdtemp(dir=str(self._folder)))
        self._sockets = self.root / "s"
        self.env = {**clean_environment(self.root), "BUILDKITE_SOCKETS_PATH": str(self._sockets)}
        flags = ("--agent-api",) if leader == "ours" else ("--experiment", "agent-api")
        with AgentProcess(self.root, self._plane.endpoint, *flags, program=self.programs[leader]) as agent:
            assert wait_until(lambda: leads(self._sockets / "agent-leader")), agent.said
            yield

    def lock(self, program: str, words: Sequence[str]) -> Tuple[int, str, str]:
        """Run `lock` with words; return the status and what it wrote to both streams, without names and tokens."""
        done = subprocess.run(
            [*self.programs[program], "lock", *words],
            env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
        )  # fmt: skip
        errors = re.sub("^(bkagent|buildkite-agent): ", "", _without_token(done.stderr))
        return done.returncode, done.stdout, errors

    def worker(self, program: str, number: int) -> "subprocess.Popen[bytes]":
        env = {**self.env, "name": f"{program} {number}"}
        return subprocess.Popen(["sh", "-c", _WORKER, "sh", *self.programs[program]], env=env, cwd=str(self.root))

    def lines(self, name: str) -> List[str]:
        path = self.root / name
        return path.read_text(encoding="ascii").splitlines() if path.exists() else []

    def hand_overs_count(self) -> int:
        """Return how often the lock went from one program to the other."""
        programs = [entry.split()[0] for entry in self.lines("entries")]
        return sum(before != after for before, after in zip(programs, programs[1:]))


def _without_token(text: str) -> str:
    return re.sub(r"acquired\(pid=\d+,otp=[0-9a-f]{32}\)", "TOKEN", text)


@pytest.fixture
def machine(archive: str, tmp_path: Path) -> Iterator[Mixed]:
    with FakeControlPlane(ping_interval=1) as plane:  # the reference takes whole seconds alone for its intervals
        yield Mixed(archive, plane, tmp_path)


@pytest.mark.parametrize("leader", BOTH)
@pytest.mark.parametrize(
    "workers", [{"ours": 1, "reference": 1}, {"ours": 3, "reference": 1}, {"ours": 1, "reference": 3}]
)
def test_a_hundred_hand_overs_of_a_lock_that_both_contend_for(
    machine: Mixed, leader: str, workers: Dict[str, int]
) -> None:
    with machine.led_by(leader):
        running = [machine.worker(program, number) for program in BOTH for number in range(workers[program])]
        try:
            while machine.hand_overs_count() < HAND_OVERS_COUNT:
                before = machine.hand_overs_count()
                assert wait_until(lambda before=before: machine.hand_overs_count() > before)  # type: ignore[misc]
        finally:
            (machine.root / "stop").touch()
            statuses = [worker.wait(60) for worker in running]
    assert not any(statuses) and machine.lines("violations") == []
    assert len(machine.lines("entries")) < 20 * HAND_OVERS_COUNT  # neither keeps the other out
    assert set(machine.lines("entries")) == {f"{program} {n}" for program in BOTH for n in range(workers[program])}


# What is called in this order, with TOKEN for what `acquire` printed last.
CALLS = [
    "get k", "get a%20/ü%26&;", "acquire k", "get k", "release k wrong", "release k TOKEN", "release k TOKEN", "get k",
    "do d", "get d", "done d", "do d", "get d", "done d", "release d done", "get d", "done never", "do back",
    "release back doing", "get back", "acquire m", "do m", "done m", "release m TOKEN",
]  # fmt: skip
# Both give up, and say so each in words of its own.
WAITS = ["acquire --lock-wait-timeout 300ms h", "do --lock-wait-timeout 300ms w"]
REFUSED = ["acquire", "acquire a b", "release k", "do", "done", "get", "get --lock-scope world k"]


@pytest.mark.parametrize("leader", BOTH)
@pytest.mark.parametrize("first", BOTH)
def test_both_print_the_same_whoever_of_them_calls(machine: Mixed, leader: str, first: str) -> None:
    """The calls are shared out in turns: what one program has done the other goes on with."""
    answers: Dict[str, List[Tuple[int, str, str]]] = {}
    for turn in ("alone", "in turns"):
        token, answers[turn] = "", []
        with machine.led_by(leader):
            for number, call in enumerate(CALLS):
                program = first if turn == "alone" or number % 2 else next(each for each in BOTH if each != first)
                words = [token if word == "TOKEN" else word for word in call.split()]
                status, out, errors = machine.lock(program, words)
                token = out.strip() if words[0] == "acquire" else token
                answers[turn].append((status, _without_token(out), errors))
            machine.lock("reference", ["acquire", "h"])
            machine.lock("ours", ["do", "w"])
            for call in WAITS + REFUSED:
                assert {machine.lock(program, call.split())[:2] for program in BOTH} == {(1, "")}, call
    assert answers["alone"] == answers["in turns"]


@pytest.mark.parametrize("leader", BOTH)
def test_a_command_that_waits_for_the_other_programs_work_is_told_that_it_is_done(machine: Mixed, leader: str) -> None:
    with machine.led_by(leader):
        for worker, waiter in (BOTH, BOTH[::-1]):
            assert machine.lock(worker, ["do", worker]) == (0, "do\n", "")
            words = [*machine.programs[waiter], "lock", "do", worker]
            with subprocess.Popen(words, env=machine.env, stdout=subprocess.PIPE) as waiting:
                assert machine.lock(worker, ["done", worker]) == (0, "", "")
                assert (waiting.communicate(timeout=60)[0], waiting.returncode) == (b"done\n", 0)
