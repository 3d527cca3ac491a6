"""A store that fails in any statement, once: nothing in memory goes on as if the change had been made."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Sequence

import pytest

from bkagent.controlplane.errors import DiskFull
from bkagent.controlplane.plane.dispatching.held_ping import HeldPing
from bkagent.controlplane.plane.plane import Plane
from bkagent.controlplane.plane.timing import Timing
from bkagent.controlplane.records import NewBuild
from bkagent.wire.finish import Finish
from bkagent.wire.registration import Registration

HOLD_S = 60.0
STEPS = [
    {"command": "a", "key": "a"},
    {"command": "b", "concurrency": 1, "concurrency_group": "g"},
    {"command": "c", "concurrency": 1, "concurrency_group": "g"},
    "wait",
    {"command": "d"},
]
UPLOADED = {"steps": [{"command": "e"}, {"command": "f", "depends_on": "a"}]}
STRIDE = 12


class Site:
    """A build that two agents run to its end, whatever a caller has to ask twice."""

    def __init__(self, folder: str, failing_statement: int) -> None:
        self.plane = Plane.open(folder, ticking=False, timing=Timing(expected_s=0.0))
        self.agents = [self._agent() for _ in range(2)]
        self.pings: Dict[str, HeldPing] = {}
        self.all_pings: List[HeldPing] = []
        self.statements_count, self._failing_statement = 0, failing_statement
        self._rows = self.plane.ledger.db.rows
        self.plane.ledger.db.rows = self._count  # type: ignore[method-assign]

    def _agent(self) -> str:
        id = self.plane.sessions.register(Registration("a", "host", "linux", "amd64", "3.137.0", "x", 1)).id
        self.plane.sessions.connect(id)
        return id

    def _count(self, statement: str, values: Sequence[Any] = ()) -> Any:
        self.statements_count += 1
        if self.statements_count == self._failing_statement:
            raise DiskFull("no space")
        return self._rows(statement, values)

    @staticmethod
    def ask(call: Callable[[], Any]) -> Any:
        """Ask as clients do, again after a failure."""
        for _ in range(3):
            try:
                return call()
            except DiskFull:
                continue
        raise AssertionError("it fails again and again")

    def hold_pings(self) -> None:
        for id in self.agents:
            if id not in self.pings:
                self.pings[id] = self.ask(lambda id=id: self.plane.dispatch.begin_ping(id, HOLD_S))
                self.all_pings.append(self.pings[id])

    def run_offered(self) -> bool:
        """Run the jobs that were offered; return whether there were any."""
        offered = {id: ping for id, ping in self.pings.items() if ping.answer is not None}
        for id, ping in offered.items():
            del self.pings[id]
            if ping.answer.job_id:
                self._run(id, ping.answer.job_id)
        return bool(offered)

    def _run(self, agent_id: str, job_id: str) -> None:
        plane = self.plane
        command = self.ask(lambda: plane.dispatch.accept(agent_id, job_id)).env["BUILDKITE_COMMAND"]
        self.ask(lambda: plane.runs.start(job_id))
        if command == "a":
            self.ask(lambda: plane.uploads.apply(job_id, UPLOADED, uuid="u"))
        self.ask(lambda: plane.runs.finish(job_id, Finish("0")))

    def run(self) -> List[str]:
        """Run a build; return the states of its jobs."""
        self.hold_pings()
        self.ask(lambda: self.plane.builds.create(NewBuild("demo", {"steps": STEPS}, repository="/r")))
        rounds_left = 40
        while rounds_left:
            rounds_left = min(rounds_left - 1, 2) if self.is_over() else rounds_left - 1
            self.run_offered()
            for ping in list(self.pings.values()):
                self.plane.dispatch.expire(ping)
                assert ping.answer is not None, "a ping is never answered"
            self.run_offered()
            self.hold_pings()
        self._failing_statement = 0
        return self.states()

    def is_over(self) -> bool:
        """Say whether all jobs have ended, without a statement that counts."""
        rows, self.plane.ledger.db.rows = self.plane.ledger.db.rows, self._rows  # type: ignore[method-assign]
        is_over = set(self.states()) == {"finished"}
        self.plane.ledger.db.rows = rows  # type: ignore[method-assign]
        return is_over

    def states(self) -> List[str]:
        return [job.state for build in self.plane.builds.find() for job in self.plane.jobs.of_build(build.id)]


@pytest.mark.parametrize("first", range(1, STRIDE + 1, 3))
def test_a_statement_that_fails_changes_nothing_but_its_change(tmp_path: Any, first: int) -> None:
    failing, statements_count = first, first + 1
    while failing <= statements_count:
        site = Site(str(tmp_path / str(failing)), failing)
        states = site.run()
        statements_count = site.statements_count
        site.plane.close()
        assert set(states) == {"finished"} and len(states) % 7 == 0, failing
        failing += STRIDE
