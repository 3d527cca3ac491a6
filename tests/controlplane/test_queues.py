"""Queues as people look at them: how many agents and jobs, and what each job waits for."""

import pytest

from tests.fakes.pings import next_action

LINUX = {"queue": "linux"}


def loads(world):
    return {load.name: load for load in world.plane.queues.loads(10)}


def reasons(world):
    """Return what each job of the build waits for, by step key."""
    jobs = world.jobs()
    texts = world.plane.queues.reasons(jobs)
    return {job.step_key: texts[job.id] for job in jobs if job.id in texts}


def test_a_queue_counts_its_agents_and_jobs(world):
    busy, paused, stopping, _ = (world.agent("queue=linux") for _ in range(4))
    world.agent("queue=mac", "queue=ios")
    world.agent()
    world.plane.sessions.disconnect(world.agent("queue=gone"))
    world.plane.sessions.pause(paused)
    world.plane.sessions.stop(stopping)
    world.build([{"command": "x", "agents": LINUX, "parallelism": 3}, "wait", {"command": "y", "agents": LINUX}])
    job_id = next_action(world.plane, busy).job_id
    world.plane.dispatch.accept(busy, job_id)
    queues = loads(world)
    assert set(queues) == {"default", "linux", "mac", "ios"}
    linux = queues["linux"]
    assert (linux.agents.busy, linux.agents.idle, linux.agents.paused, linux.agents.stopping) == (1, 1, 1, 1)
    assert (linux.running, linux.ready, linux.limited, linux.later) == (1, 2, 0, 1)
    assert [job.state for job in linux.first] == ["scheduled", "scheduled", "waiting"]
    assert queues["mac"].agents.total == queues["ios"].agents.total == queues["default"].agents.total == 1


def test_a_queue_shows_its_first_jobs_in_the_order_of_dispatch(world):
    world.build([{"command": "x", "key": f"k{priority}", "priority": priority} for priority in (1, 3, 2)])
    (load,) = world.plane.queues.loads(2)
    assert [job.step_key for job in load.first] == ["k3", "k2"] and load.ready == 3


def test_an_agent_that_takes_every_job_is_in_every_queue(world):
    world.agent("*")
    world.build([{"command": "x", "agents": LINUX}])
    assert {name: load.agents.idle for name, load in loads(world).items()} == {"default": 1, "linux": 1}


def test_agents_that_take_no_jobs_by_themselves_are_in_no_queue(world):
    world.agent("queue=linux", ignore_in_dispatches=True)
    assert loads(world) == {}


AGENTS = (
    ({}, "no connected agent has queue=linux"),
    ({"idle": 1}, "an idle agent takes it at its next ping"),
    ({"busy": 1}, "the only agent with its tags is busy"),
    ({"busy": 2}, "all 2 agents with its tags are busy"),
    ({"paused": 2}, "all 2 agents with its tags are paused"),
    ({"stopping": 1}, "the only agent with its tags is stopping"),
    ({"busy": 2, "paused": 1, "stopping": 1}, "the 4 agents with its tags: 2 busy, 1 paused, 1 stopping"),
)


@pytest.mark.parametrize(("activities", "reason"), AGENTS)
def test_a_job_that_could_run_says_why_no_agent_has_it(world, activities, reason):
    world.agent("queue=other")
    agents = [(activity, world.agent("queue=linux")) for activity, count in activities.items() for _ in range(count)]
    busy = [id for activity, id in agents if activity == "busy"]
    world.build([{"command": "x", "agents": LINUX, "parallelism": max(1, len(busy))}])
    for id in busy:
        world.plane.dispatch.accept(id, next_action(world.plane, id).job_id)
    for activity, id in agents:
        if activity == "paused":
            world.plane.sessions.pause(id)
        elif activity == "stopping":
            world.plane.sessions.stop(id)
    world.build([{"command": "x", "key": "last", "agents": LINUX}])
    assert reasons(world) == {"last": reason}


def test_a_job_names_all_tags_that_no_agent_has(world):
    world.agent("queue=linux", "os=linux")
    world.build([{"command": "x", "key": "a", "agents": {"queue": "linux", "os": "zos"}}])
    world.plane.sessions.stop(world.agent("os=zos"))
    assert reasons(world) == {"a": "no connected agent has queue=linux and os=zos"}
    world.build([{"command": "x", "key": "a", "agents": {"os": "vms"}}])
    assert reasons(world) == {"a": "no connected agent has os=vms and queue=default"}


STEP = {"command": "x"}
STEPS = (
    ([{**STEP, "key": "a"}, {**STEP, "key": "b", "depends_on": "a"}], {"b": "waits for \u201ca\u201d"}),
    (
        [*({**STEP, "label": f"L{n}", "key": f"k{n}"} for n in range(5)),
         {**STEP, "key": "b", "depends_on": [f"k{n}" for n in range(5)]}],
        {"b": "waits for \u201cL0\u201d, \u201cL1\u201d, \u201cL2\u201d and 2 more steps"},
    ),
    ([STEP, "wait", {**STEP, "key": "b"}], {"b": "waits at a wait step for the steps before it"}),
    ([{"block": "Go?"}, {**STEP, "key": "b"}], {"b": "waits for \u201cGo?\u201d to be unblocked"}),
    ([{"block": "Go?"}, "wait", {**STEP, "key": "b"}], {"b": "waits for \u201cGo?\u201d to be unblocked"}),
    (
        [STEP, {"block": "Go?", "depends_on": []}, {**STEP, "key": "b"}],
        {"b": "waits for \u201cGo?\u201d to be unblocked"},
    ),
    (
        [STEP, "wait", {"block": "Go?"}, {**STEP, "key": "b"}],
        {"b": "waits at a wait step for the steps before it"},
    ),
    (
        [{"input": "Name?", "key": "i", "fields": [{"text": "N", "key": "n"}]},
         {**STEP, "key": "b", "depends_on": "i"}],
        {"b": "waits for \u201cName?\u201d to be unblocked"},
    ),
    (
        [{"group": "G", "steps": [STEP, "wait", {**STEP, "key": "b"}]}, {**STEP, "key": "free"}],
        {"b": "waits at a wait step for the steps before it"},
    ),
    (
        [{"block": "Go?"}, {"group": "G", "steps": [{**STEP, "key": "b"}]}],
        {"b": "waits for \u201cGo?\u201d to be unblocked"},
    ),
    (
        [{**STEP, "key": "a"}, {"group": "G", "depends_on": "a", "steps": [{**STEP, "key": "b"}]}],
        {"b": "waits for \u201ca\u201d"},
    ),
)  # fmt: skip


@pytest.mark.parametrize(("steps", "expected"), STEPS)
def test_a_job_says_which_steps_it_waits_for(world, steps, expected):
    world.build(steps)
    waiting = {job.step_key for job in world.jobs() if job.type == "script" and job.state in ("waiting", "blocked")}
    assert waiting == set(expected)
    shown = reasons(world)
    assert {key: shown[key] for key in expected} == expected


def test_a_job_says_which_concurrency_group_is_full(world):
    group = {"concurrency": 1, "concurrency_group": "deploy"}
    world.build([{**STEP, **group, "key": "a"}, {**STEP, **group, "key": "b"}])
    assert reasons(world)["b"] == "the concurrency group \u201cdeploy\u201d is full: 1 of 1 jobs"
    assert loads(world)["default"].limited == 1


def test_an_uploaded_job_waits_for_the_one_that_uploaded_it(world):
    world.build([{**STEP, "key": "a"}])
    world.start("a")
    world.upload("a", [{**STEP, "key": "b"}])
    assert reasons(world) == {"b": "waits for the end of the job that uploaded it"}


def test_only_so_many_builds_are_explained(world):
    steps = [STEP, "wait", {**STEP, "key": "b"}]
    builds = [world.build(steps) for _ in range(10)]
    jobs = [job for build in builds for job in world.jobs("b", build.id)]
    texts = list(world.plane.queues.reasons(jobs).values())
    assert texts.count("waits at a wait step for the steps before it") == 8
    assert texts[-1] == "waits for other steps of its build"
