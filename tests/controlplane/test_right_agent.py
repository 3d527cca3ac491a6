"""The right agent for each job: random fleets against a plain statement of the rule."""

from __future__ import annotations

import random
from typing import Any, Dict, List, Optional

import pytest

from bkagent.controlplane.errors import Rejected
from bkagent.controlplane.plane.dispatching.held_ping import HeldPing
from bkagent.controlplane.plane.plane import Plane
from bkagent.controlplane.plane.timing import Timing
from bkagent.controlplane.records import NewBuild
from bkagent.controlplane.store import agents as agent_table
from bkagent.wire.finish import Finish
from bkagent.wire.ping import Ping
from bkagent.wire.registration import Registration
from tests.fakes.pings import has_answer, next_action

WAIT_S = 20.0
OFFERED, ACCEPTED, STARTED = range(3)
QUEUES, SYSTEMS = ("default", "deploy"), ("linux", "mac")


def best(idle: "Dict[str, Any]", rules: Any) -> Optional[str]:
    """Return who is to get a job: of those that suit the highest priority, then who has last completed a job."""
    suiting = []
    for id, agent in idle.items():
        tags = dict(tag.split("=") for tag in agent.meta_data)
        wanted = {"queue": "default", **dict(rule.split("=") for rule in rules)}
        if all(tags.get(key, "default" if key == "queue" else None) == value for key, value in wanted.items()):
            suiting.append(id)

    def worth(id: str) -> Any:
        agent = idle[id]
        never = float("-inf")
        priority = never if agent.priority is None else agent.priority
        completed = never if agent.last_job_finished_at is None else agent.last_job_finished_at
        return priority, completed, -(agent.connected_at or 0), [-ord(letter) for letter in id]

    return max(suiting, key=worth) if suiting else None


class Fleet:
    """Agents of one plane; every step is over before the next begins."""

    def __init__(self, folder: str, chance: random.Random) -> None:
        self.now = 1_700_000_000.0
        timing = Timing(expected_s=0.0)
        self.plane = Plane.open(folder, ticking=False, clock=lambda: self.now, steady=lambda: self.now, timing=timing)
        self.chance = chance
        self.pings: Dict[str, HeldPing] = {}  # by agent: its last ping, until it has brought a job
        self.running: Dict[str, str] = {}
        self.stages: Dict[str, int] = {}  # by agent: how far it is with its job, 0 where it is not named
        self.ended: List[str] = []

    def agent(self) -> str:
        tags = [f"os={self.chance.choice(SYSTEMS)}"]
        if self.chance.random() < 0.6:
            tags.append(f"queue={self.chance.choice(QUEUES)}")
        priority = self.chance.choice(["", "", "0", "1", "1", "10", "-1"])
        registration = Registration(
            "a", "host", "linux", "amd64", "3.137.0", "x", 1, meta_data=tuple(tags), priority=priority
        )
        id = self.plane.sessions.register(registration).id
        self.now += self.chance.choice([0, 1])
        self.plane.sessions.connect(id)
        return id

    def hold_ping(self, id: str) -> None:
        """Begin a ping that waits, or is answered at once."""
        self.pings[id] = self.plane.dispatch.begin_ping(id, WAIT_S * 2)

    def idle(self) -> Dict[str, Any]:
        """Return the agents whose pings wait and that are there."""
        return {id: self.record(id) for id, ping in self.pings.items() if ping.answer is None}

    def record(self, id: str) -> Any:
        return agent_table.TABLE.get(self.plane.ledger.db, id)

    def expect(self, offers: Dict[str, str]) -> None:
        """Check that these agents got these jobs, and no other was answered."""
        assert {id: ping.answer.job_id for id, ping in self.pings.items() if ping.answer is not None} == offers
        for id, job_id in offers.items():
            del self.pings[id]
            assert job_id not in self.running.values() and job_id not in self.ended  # never twice
            self.running[id] = job_id

    def build(self) -> None:
        steps = []
        for _ in range(self.chance.randint(1, 4)):
            rules: Dict[str, Any] = {}
            if self.chance.random() < 0.5:
                rules["queue"] = self.chance.choice(QUEUES)
            if self.chance.random() < 0.5:
                rules["os"] = self.chance.choice(SYSTEMS)
            steps.append({"command": "true", "agents": rules, "priority": self.chance.choice([0, 0, 1])})
        self.now += 1
        idle = self.idle()
        before = {job.id for job in self.waiting_jobs()}
        self.plane.builds.create(NewBuild("demo", {"steps": steps}, repository="/r"))
        offers: Dict[str, str] = {}
        created = sorted(
            (job for job in self.all_jobs() if job.id not in before and job.agent_query_rules is not None),
            key=lambda job: (-job.priority, job.scheduled_at, job.sequence),
        )
        for job in (job for job in created if job.state in ("scheduled", "assigned") and job.id not in self.taken()):
            id = best(idle, job.agent_query_rules)
            if id is not None:
                offers[id] = job.id
                del idle[id]
        self.expect(offers)

    def taken(self) -> List[str]:
        return [*self.running.values(), *self.ended]

    def all_jobs(self) -> List[Any]:
        builds = self.plane.builds.find(limit=100)
        return [job for build in builds for job in self.plane.jobs.of_build(build.id)]

    def waiting_jobs(self) -> List[Any]:
        waiting = [job for job in self.all_jobs() if job.state == "scheduled"]
        return sorted(waiting, key=lambda job: (-job.priority, job.scheduled_at, job.sequence))

    def ping(self, id: str) -> None:
        """Let an agent ping, held or not: it gets the first job that it can run, as no better agent waits."""
        job = next((job for job in self.waiting_jobs() if best({id: self.record(id)}, job.agent_query_rules)), None)
        if self.chance.random() < 0.3:
            assert next_action(self.plane, id).job_id == (job.id if job else "")
            if job:
                self.running[id] = job.id
            return
        self.hold_ping(id)
        self.expect({} if job is None else {id: job.id})

    def proceed(self, id: str, last: int = STARTED) -> None:
        """Let an agent accept and start its job; before that each ping brings it the same job."""
        stage, job_id = self.stages.get(id, OFFERED), self.running[id]
        if stage < STARTED and self.chance.random() < 0.3:
            assert next_action(self.plane, id).job_id == job_id
        if stage < ACCEPTED <= last:
            self.plane.dispatch.accept(id, job_id)
        if stage < STARTED <= last:
            self.plane.runs.start(job_id)
        self.stages[id] = max(stage, last)

    def finish(self, id: str) -> None:
        self.now += 1
        self.proceed(id)
        self.stages.pop(id)
        job_id = self.running.pop(id)
        self.plane.runs.finish(job_id, Finish("0"))
        self.ended.append(job_id)
        if self.chance.random() < 0.8:
            self.ping(id)

    def die(self, id: str, others: List[str]) -> None:
        """End an agent at the stage that it is at: silently, its connection broken, or with a goodbye."""
        stage, job_id = self.stages.pop(id, OFFERED), self.running.pop(id, "")
        ping = self.pings.pop(id, None)
        if ping is not None:
            self.plane.dispatch.give_up(ping)
        idle, is_silent = self.idle(), bool(job_id) and self.chance.random() < 0.5
        if not is_silent and (job_id or self.chance.random() < 0.5):
            self.plane.sessions.disconnect(id)
        if is_silent or stage == STARTED:  # for a job that it runs, an agent counts as silent
            self.pass_time(11 if stage == OFFERED else 190, others)
        if stage == STARTED or (is_silent and stage == ACCEPTED):
            job = self.plane.jobs.get(job_id)
            assert (job.state, job.exit_status) == ("finished", -1)
            self.ended.append(job_id)
            self.expect({})
        elif job_id:
            job = self.plane.jobs.get(job_id)
            offered_again = best(idle, job.agent_query_rules)
            self.expect({} if offered_again is None else {offered_again: job_id})
        if is_silent:
            with pytest.raises(Rejected):  # it comes back: its job is not its own any more
                self.plane.dispatch.accept(id, job_id)
            self.plane.sessions.disconnect(id)

    def pass_time(self, seconds: float, others: List[str]) -> None:
        """Let time pass in which these agents call, and start the jobs that they have been offered."""
        for id in others:
            if id in self.running:
                self.proceed(id)
        self.now += seconds
        for id in others:
            self.plane.sessions.heartbeat(id)
        self.plane.expiry.tick()

    def finish_everything(self) -> None:
        """Nothing starves: with an agent for each kind of job all jobs end."""
        tags = [(f"os={system}", f"queue={queue}") for system in SYSTEMS for queue in QUEUES]
        for pair in tags:
            registration = Registration("last", "host", "linux", "amd64", "3.137.0", "x", 1, meta_data=pair)
            id = self.plane.sessions.register(registration).id
            self.plane.sessions.connect(id)
            while True:
                for running in list(self.running):
                    self.finish(running)
                self.pings.pop(id, None)  # the next one takes its place
                job_id = next_action(self.plane, id).job_id
                if not job_id:
                    break
                self.running[id] = job_id
        while self.running:
            self.finish(next(iter(self.running)))
        assert not self.waiting_jobs()

    def close(self) -> None:
        for agent in self.plane.sessions.find():
            self.plane.sessions.disconnect(agent.id)
        assert all(ping.answer is not None for ping in self.pings.values())
        self.plane.close()


@pytest.mark.parametrize("seed", [*range(6), *[pytest.param(seed, marks=pytest.mark.soak) for seed in range(6, 200)]])
def test_each_job_goes_to_the_best_of_those_that_wait(tmp_path: Any, seed: int) -> None:
    chance = random.Random(seed)
    fleet = Fleet(str(tmp_path / "data"), chance)
    known = [fleet.agent() for _ in range(4)]
    try:
        for _ in range(40):
            free = [id for id in known if id not in fleet.pings and id not in fleet.running]
            moves = [fleet.build]
            moves += [lambda free=free: fleet.ping(chance.choice(free))] * 3 if free else []
            if fleet.running:
                moves += [lambda: fleet.finish(chance.choice(list(fleet.running)))] * 2
                moves += [lambda: fleet.proceed(chance.choice(list(fleet.running)), chance.choice((ACCEPTED, STARTED)))]
            if chance.random() < 0.15:
                dying = chance.choice(chance.choice((known, list(fleet.running) or known)))
                known.remove(dying)
                fleet.die(dying, known)
                known.append(fleet.agent())
                continue
            chance.choice(moves)()
        fleet.finish_everything()
    finally:
        fleet.close()
    assert len(fleet.ended) == len(set(fleet.ended))


def two_agents(tmp_path: Any, expected_s: float) -> Any:
    """Return a plane, an agent that has just ended the first of two jobs, and another one whose ping is held."""
    plane = Plane.open(str(tmp_path / "data"), ticking=False, timing=Timing(expected_s=expected_s))
    first, other = (
        plane.sessions.register(Registration("a", "host", "linux", "amd64", "3.137.0", "x", 1)).id for _ in range(2)
    )
    for id in (first, other):
        plane.sessions.connect(id)
    plane.builds.create(NewBuild("demo", {"steps": [{"command": "a"}, "wait", {"command": "b"}]}, repository="/r"))
    job_id = next_action(plane, first).job_id
    ping = plane.dispatch.begin_ping(other, WAIT_S)
    assert ping.answer is None
    plane.dispatch.accept(first, job_id)
    plane.runs.start(job_id)
    plane.runs.finish(job_id, Finish("0"))
    return plane, first, other, ping


def test_who_has_just_completed_a_job_is_given_a_moment_to_come_back(tmp_path: Any) -> None:
    plane, first, other, ping = two_agents(tmp_path, expected_s=WAIT_S)
    assert ping.answer is None
    assert next_action(plane, first).job_id  # the second job
    plane.sessions.disconnect(other)
    assert ping.answer == Ping()
    plane.close()


def test_others_wait_no_longer_than_that(tmp_path: Any) -> None:
    plane, first, _, ping = two_agents(tmp_path, expected_s=0.05)
    assert has_answer(ping, WAIT_S) and ping.answer.job_id and next_action(plane, first).job_id == ""
    plane.close()


def test_a_ping_whose_time_is_over_waits_for_the_job_that_is_held_back(tmp_path: Any) -> None:
    plane, first, _, ping = two_agents(tmp_path, expected_s=0.05)
    plane.dispatch.expire(ping)
    assert has_answer(ping, WAIT_S) and ping.answer.job_id and next_action(plane, first).job_id == ""
    late = plane.dispatch.begin_ping(first, WAIT_S)
    plane.dispatch.expire(late)
    assert late.answer == Ping()
    plane.close()


@pytest.mark.parametrize("is_known", [False, True])
def test_who_goes_loses_the_offer_at_once(tmp_path: Any, is_known: bool) -> None:
    fleet = Fleet(str(tmp_path), random.Random(1))
    first, second = (fleet.agent() for _ in range(2))
    for id in (first, second):
        fleet.hold_ping(id)
    going, other = fleet.pings[first], fleet.pings[second]
    if not is_known:
        fleet.plane.dispatch.give_up(going)
    build = NewBuild("demo", {"steps": [{"command": "a", "agents": {"queue": "*"}}]}, repository="/r")
    (job,) = fleet.plane.jobs.of_build(fleet.plane.builds.create(build).id)
    offered = [ping for ping in (going, other) if ping.answer is not None]
    assert len(offered) == 1 and (is_known or offered == [other])
    if is_known:
        fleet.plane.dispatch.give_up(offered[0])
    last = going if offered == [other] and is_known else other
    assert last.answer is not None and last.answer.job_id == job.id
    fleet.pings.clear()
    fleet.close()


def test_a_ping_that_takes_the_place_of_another_gets_the_offer(tmp_path: Any) -> None:
    fleet = Fleet(str(tmp_path), random.Random(1))
    id = fleet.agent()
    fleet.hold_ping(id)
    given_up = fleet.pings[id]
    fleet.hold_ping(id)
    assert given_up.answer == Ping() and fleet.pings[id].answer is None
    fleet.plane.builds.create(
        NewBuild("demo", {"steps": [{"command": "a", "agents": {"queue": "*"}}]}, repository="/r")
    )
    assert fleet.pings[id].answer.job_id
    fleet.close()


def test_with_more_jobs_than_agents_the_first_jobs_are_offered(tmp_path: Any) -> None:
    plane = Plane.open(str(tmp_path / "data"), ticking=False)
    for _ in range(25):
        id = plane.sessions.register(Registration("a", "host", "linux", "amd64", "3.137.0", "x", 1)).id
        plane.sessions.connect(id)
        plane.dispatch.begin_ping(id, WAIT_S)
    build = plane.builds.create(NewBuild("demo", {"steps": [{"command": "a", "parallelism": 60}]}, repository="/r"))
    states = [job.state for job in plane.jobs.of_build(build.id)]
    assert states == ["assigned"] * 25 + ["scheduled"] * 35
    plane.close()
