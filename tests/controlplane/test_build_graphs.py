"""What is kept in memory from change to change comes to the same as a look at the whole build, after every event."""

from __future__ import annotations

import copy
import random

import pytest

from bkagent.controlplane.errors import PlaneError
from bkagent.controlplane.records import new_id
from bkagent.controlplane.scheduling import concurrency, states
from bkagent.controlplane.scheduling.concurrency import ConcurrencyGroup
from bkagent.controlplane.store import jobs as job_table
from bkagent.wire.finish import Finish
from tests.controlplane.test_random_pipelines import random_steps
from tests.fakes.pings import next_action

SEEDS = [*range(8), *[pytest.param(seed, marks=pytest.mark.soak) for seed in range(8, 400)]]
EVENTS_COUNT = 60


class Undone(Exception):
    pass


def look_at_all(plane):
    """Let every event look at every step of its build, and forget what is kept."""
    graphs, get = plane.scheduler._graphs, plane.scheduler._graphs.get

    def whole(build_id):
        graph = get(build_id)
        graph.has_circle = True
        return graph

    graphs.get = whole


class Twins:
    """Two planes to which the same happens: the first looks at what has changed, the second at all of it."""

    def __init__(self, first, second):
        self.worlds = (first, second)
        look_at_all(second.plane)

    def open(self):
        for world in self.worlds:
            world.open()
        look_at_all(self.worlds[1].plane)

    def do(self, event, undone=False):
        """Let something happen to both; a refusal is the same for both."""
        refusals = [self._refusal(world, event, undone) for world in self.worlds]
        assert refusals[0] == refusals[1]
        first, second = map(looks, self.worlds)
        assert first == second
        for world in self.worlds:
            check_kept(world)

    def _refusal(self, world, event, undone):
        try:
            if not undone:
                event(world)
                return ""
            with world.plane.ledger.change():
                event(world)
                raise Undone
        except (PlaneError, Undone) as refused:
            return str(refused)


def looks(world):
    """Return how a build and its jobs are, without what is different between two planes."""
    build = world.plane.builds.get(world.build_id)
    slots = [job.id for job in world.jobs()]
    shown = [
        (job.sequence, slots.index(job.slot_id), job.state, job.broken_reason, job.reason, job.retried, job.soft_failed)
        for job in world.jobs()
    ]
    return shown, build.state, build.blocked, build.started_at, build.failing_at, build.finished_at


def state_of(build, jobs):
    """Return the state of a build, and whether it is blocked, by a look at its jobs."""
    counting = [job for job in jobs if not job.retried]
    live = [job for job in counting if not job.final]
    if build.cancel_requested:
        return ("canceling" if live else "canceled"), False
    failed = any(states.counts_against(job) for job in counting)
    asking = [job for job in live if job.type == "manual" and job.state == "blocked"]
    if any(job.state in states.ACTIVE for job in live) or (live and not asking):
        begun = any(job.started_at is not None for job in jobs)
        return ("failing" if failed else "running" if begun else "scheduled"), False
    if asking:
        return ("failed" if failed else asking[0].blocked_state or "passed"), True
    if failed:
        return "failed", False
    ran = any(job.state not in ("broken", "skipped") for job in counting if job.type != "waiter")
    return ("passed" if ran else "not_run"), False


def check_kept(world):
    """What is kept is what the store has."""
    plane = world.plane
    build = plane.builds.get(world.build_id)
    assert (build.state, build.blocked) == state_of(build, world.jobs())
    with plane.ledger.db.lock:
        waiting = [job.id for job in plane.dispatch._runnable.walk(lambda rules: True)]
        order = "state = 'scheduled' ORDER BY priority DESC, scheduled_at, sequence, rowid"
        assert waiting == [job.id for job in job_table.TABLE.all(plane.ledger.db, order)]


def without_circles(steps, keys=("first",)):
    """Return steps with no waits beside them, that wait for few others but steps of the same upload."""
    kept = [step for step in steps if "wait" not in step and "block" not in step] or [
        {"command": "a", "key": "k" + new_id()[:8]}
    ]
    known = list(keys)
    for step in kept:
        if "depends_on" in step:
            step["depends_on"] = [key for key in step["depends_on"] if key in known]
        if "group" in step:
            step["steps"] = without_circles(step["steps"], known)
            known += [each["key"] for each in step["steps"]]
        known.append(step["key"])
    return kept


class Events:
    """Draws what happens next. What it names, it names by number: ids are different in the two planes."""

    def __init__(self, chance, names, agents):
        self.chance, self.names, self.agents = chance, names, agents

    def draw(self, jobs):
        chance = self.chance
        at = chance.randrange(len(jobs))
        of_kind = [number for number, job in enumerate(jobs) if job.type == "manual" and job.state == "blocked"]
        with_agent = [number for number, job in enumerate(jobs) if job.state in states.TAKEN]
        kind = chance.choice(["offer"] * 6 + ["end"] * 6 + ["unblock"] * 2 + ["upload"] * 2 + ["other"] * 3)
        if kind == "offer":
            return self._offer(chance.randrange(len(self.agents)))
        if kind == "end" and with_agent:
            return self._end(chance.choice(with_agent))
        if kind == "unblock" and of_kind:
            number = chance.choice(of_kind)
            return lambda world: world.plane.jobs.unblock(world.jobs()[number].id)
        if kind == "upload" and with_agent and len(jobs) < 300:
            return self._upload(chance.choice(with_agent))
        return self._people(at) if chance.random() < 0.5 else self._silence()

    def _offer(self, number):
        def event(world):
            agent = self.agents[number][world]
            id = next_action(world.plane, agent).job_id
            if id:
                world.plane.dispatch.accept(agent, id)
                world.plane.runs.start(id)

        return event

    def _end(self, at):
        status = self.chance.choice(["0", "0", "0", "1", "-1"])
        return lambda world: world.plane.runs.finish(world.jobs()[at].id, Finish(status))

    def _upload(self, at):
        steps, replace = random_steps(self.chance, self.names), self.chance.random() < 0.1
        if self.chance.random() < 0.7:
            steps = without_circles(steps)
        return lambda world: world.plane.uploads.apply(
            world.jobs()[at].id, copy.deepcopy(steps), uuid=new_id(), replace=replace
        )

    def _silence(self):
        """Return an event in which agents fall silent, or only an offer is forgotten."""
        seconds = self.chance.choice([1, 30, 100, 400])

        def event(world):
            world.clock.now += seconds
            world.plane.expiry.tick()
            for number, agent in enumerate(self.agents):
                if world.plane.sessions.get(agent[world]).state == "lost" or number % 2:
                    world.plane.sessions.heartbeat(agent[world])

        return event

    def _people(self, at):
        word, priority = self.chance.choice(["cancel", "retry", "retry_all", "step", "priority", "build"]), at % 3

        def event(world):
            plane, job = world.plane, world.jobs()[at]
            if word == "retry_all":
                plane.jobs.retry_all(world.build_id, ["failed", "canceled", "timed_out", "soft_failed"])
            elif word == "step":
                plane.jobs.cancel_step(world.build_id, job.step_id)
            elif word == "priority":
                plane.jobs.reprioritize(job.id, priority)
            elif word == "build":
                plane.builds.cancel(world.build_id)
            else:
                getattr(plane.jobs, word)(job.id)

        return event if word != "build" or self.chance.random() < 0.1 else lambda world: None


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_kept_comes_to_what_a_look_at_all_does(world, tmp_path, seed):
    chance = random.Random(seed)
    names = []
    twins = Twins(world, type(world)(str(tmp_path / "twin")))
    steps = random_steps(chance, names)
    steps = [{"command": "first", "key": "first"}, *(without_circles(steps) if seed % 2 else steps)]
    for step in steps:
        if "command" in step and chance.random() < 0.15:
            step["cancel_on_build_failing"] = True
        if "depends_on" in step and chance.random() < 0.3:
            step["depends_on"] = [{"step": key, "allow_failure": True} for key in step["depends_on"]]
    agents = [{each: each.agent() for each in twins.worlds} for _ in range(3)]
    events = Events(chance, names, agents)
    try:
        for each in twins.worlds:
            each.build(copy.deepcopy(steps))
    except PlaneError as refused:
        assert "forms a cycle" in str(refused)
        return
    for _ in range(EVENTS_COUNT):
        twins.do(events.draw(world.jobs()), undone=chance.random() < 0.1)
        if chance.random() < 0.05:
            twins.open()
    twins.worlds[1].plane.close()


def test_steps_in_a_circle_are_found(world):
    world.build([{"command": "a", "key": "a"}, {"command": "b", "key": "b", "depends_on": "c"}])
    with world.plane.ledger.db.lock:
        assert not world.plane.scheduler._graphs.get(world.build_id).has_circle
    world.start("a")
    world.upload("a", [{"command": "c", "key": "c", "depends_on": "b"}])
    with world.plane.ledger.db.lock:
        assert world.plane.scheduler._graphs.get(world.build_id).has_circle


def admitted(jobs):
    """Return the limited jobs that get a slot, by a look at all jobs of their group."""
    held = sum(1 for job in jobs if job.state in states.HOLDING)
    admissible, ahead = [], 0
    for job in sorted((job for job in jobs if job.state in concurrency.QUEUED), key=concurrency._order):
        limit = job.concurrency_limit
        taken = held if job.concurrency_method == "eager" else held + ahead
        if job.state == "limited" and taken < limit:
            admissible.append(job.id)
            held += 1
        else:
            ahead += 1
    return admissible


@pytest.mark.parametrize("seed", range(30))
def test_a_concurrency_group_lets_in_what_a_look_at_all_its_jobs_does(world, seed):
    chance = random.Random(seed)
    limits = chance.choice([[1], [2], [5], [1, 3, 4]])
    methods = chance.choice([["ordered"], ["eager"], ["ordered", "eager"]])
    steps = [
        {"command": str(n), "concurrency": chance.choice(limits), "concurrency_group": "g", "priority": n % 3,
         "concurrency_method": chance.choice(methods)}
        for n in range(12)
    ]  # fmt: skip
    world.build(steps)
    jobs = [world.plane.ledger.job(job.id) for job in world.jobs()]
    group = ConcurrencyGroup()
    for job in jobs:
        group.put(job)
    for _ in range(200):
        at = chance.randrange(len(jobs))
        fields = {**jobs[at].__dict__, "state": chance.choice(["waiting", "limited", "limited", "running", "finished"])}
        jobs[at] = type(jobs[at])(**fields)
        group.put(jobs[at])
        assert group.admitted() == admitted(jobs)
