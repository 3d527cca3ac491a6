"""Whatever a pipeline asks for, its build ends, and no job runs before what it waits for."""

from __future__ import annotations

import random

import pytest

from bkagent.controlplane.errors import Rejected
from bkagent.controlplane.records import NewBuild, new_id
from bkagent.wire.finish import Finish
from tests.fakes.pings import next_action

FINAL = {"passed", "failed", "canceled", "not_run"}


def random_steps(chance, names, inside=False):
    steps = []
    for _ in range(chance.randint(1, 5)):
        kind = chance.choice(["command"] * 6 + ["wait", "go-on", "block", "input"] + ([] if inside else ["group"] * 2))
        key = f"s{len(names)}"
        step = {"key": key}
        if kind == "command":
            step["command"] = key
            if chance.random() < 0.2:
                step["parallelism"] = chance.randint(0, 3)
            if chance.random() < 0.2:
                step["soft_fail"] = True
            if chance.random() < 0.2:
                step["retry"] = {"automatic": {"limit": 1}}
            if chance.random() < 0.1:
                step.update(concurrency=1, concurrency_group=chance.choice("gh"))
        elif kind == "go-on":
            step.update(wait=None, continue_on_failure=True)
        elif kind == "group":
            names.append(key)
            step.update(group=key, steps=random_steps(chance, names, True))
        else:
            step[kind] = None
        if chance.random() < 0.25:
            known = [name for name in names if name != key]
            step["depends_on"] = chance.sample([*known, "missing"], chance.randint(0, min(2, len(known))))
        if chance.random() < 0.1:
            step["if"] = chance.choice(["true", "false"])
        if chance.random() < 0.1:
            step["allow_dependency_failure"] = True
        if kind != "group":
            names.append(key)
        steps.append(step)
    return steps


def harmless(job):
    """Say whether a job that counts lets those go on that wait for it."""
    return (
        job.final
        and (job.passed or job.soft_failed or job.state in ("broken", "skipped"))
        and (job.broken_reason != "missing_dependency")
    )


def check_released(world, documents):
    """No job has started whose named dependencies, or the plain waits before it, are not met."""
    jobs = [job for job in world.jobs() if not job.retried]
    for job in jobs:
        step = documents.get(job.step_key, {})
        if job.state != "assigned" or step.get("allow_dependency_failure"):
            continue
        for key in step.get("depends_on") or ():
            for other in (each for each in jobs if key in (each.step_key, each.group_key)):
                assert harmless(other) or other.type == "manual" and other.state == "unblocked", (job, other)
        if "depends_on" not in step and not job.group_id:
            for wait in (each for each in jobs if each.type == "waiter" and each.sequence < job.sequence):
                assert wait.group_id or wait.final, (job, wait)


@pytest.mark.parametrize("seed", [*range(20), *[pytest.param(seed, marks=pytest.mark.soak) for seed in range(20, 60)]])
def test_every_build_ends(world, seed):
    chance = random.Random(seed)
    names = []
    steps = random_steps(chance, names)
    try:
        world.build(steps)
    except Rejected as refused:
        assert "forms a cycle" in str(refused)
        return
    documents = {}
    agents = [world.agent() for _ in range(3)]
    for _ in range(300):
        for entry in world.steps():
            documents.setdefault(entry.key, world.plane.steps.document(entry.id))
        if world.plane.builds.get(world.build_id).finished:
            break
        move_something(world, chance, agents, names, documents)
        if chance.random() < 0.05:
            world.open()
    build = world.plane.builds.get(world.build_id)
    assert build.state in FINAL and build.finished_at is not None, world.states
    assert all(job.final for job in world.jobs())


def move_something(world, chance, agents, names, documents):
    asking = [job for job in world.jobs() if job.type == "manual" and job.state == "blocked"]
    if asking and chance.random() < 0.5:
        world.plane.jobs.unblock(asking[0].id)
        return
    agent = chance.choice(agents)
    id = next_action(world.plane, agent).job_id
    if not id:
        return
    check_released(world, documents)
    world.plane.dispatch.accept(agent, id)
    world.plane.runs.start(id)
    if chance.random() < 0.15:
        try:
            world.plane.uploads.apply(id, random_steps(chance, names), uuid=new_id())
        except Rejected as refused:
            assert "forms a cycle" in str(refused)
    job = world.plane.jobs.get(id)
    world.plane.runs.finish(id, type_of_end(chance))
    assert world.plane.jobs.get(job.id).final


def type_of_end(chance):

    return Finish(chance.choice(["0", "0", "0", "1", "-1"]))


@pytest.mark.parametrize(
    "document",
    [
        {"steps": [{"command": "\ud800"}]},
        {"steps": [{"command": "a", "label": "\udfff"}]},
        {"steps": [{"command": "a", "priority": 1 << 70}]},
        {"steps": [{"command": "a", "timeout_in_minutes": 1 << 70}]},
        {"steps": [{"command": "a", "concurrency": 1 << 70, "concurrency_group": "g"}]},
        {"steps": [{"command": "a", "key": "k" * 200}]},
        {"steps": [{"command": "a", "parallelism": 1 << 70}]},
        {"steps": [{"command": "a", "matrix": {"setup": {str(n): ["a"] * 25 for n in range(6)}}}]},
        {"steps": [{"command": "a", "retry": {"automatic": {"limit": 11}}}]},
        {"steps": 1},
        {"steps": [1]},
        None,
        1,
    ],
)
def test_hostile_documents_are_refused_and_leave_nothing(world, document):
    world.build([{"command": "a", "key": "a"}])
    world.start("a")
    before = world.jobs()
    with pytest.raises(Rejected):
        world.plane.uploads.apply(world.job("a").id, document, uuid="u")
    with pytest.raises(Rejected):
        world.plane.builds.create(NewBuild("demo", document, repository="/repo"))
    assert (world.jobs(), len(world.plane.builds.find())) == (before, 1)


def test_a_document_nested_deeply_is_refused(world):
    for depth in (150, 5000, 100_000):
        value = "x"
        for _ in range(depth):
            value = [value]
        with pytest.raises(Rejected, match="nested deeper"):
            world.build([{"command": "a", "plugins": [{"p#v1": value}], "matrix": ["a"]}])
    assert world.plane.builds.find() == []


@pytest.mark.parametrize("uuid", ["", "u" * 201])
def test_an_upload_needs_a_uuid(world, uuid):
    world.build([{"command": "a", "key": "a"}])
    world.start("a")
    with pytest.raises(Rejected):
        world.plane.uploads.apply(world.job("a").id, [{"command": "b"}], uuid=uuid)


def test_texts_of_builds_that_are_none_are_refused(world):
    for details in ({"message": "\ud800"}, {"branch": "\ud800"}, {"meta_data": {"\ud800": "x"}}, {"env": {"A": []}}):
        with pytest.raises(Rejected):
            world.build([{"command": "a"}], **details)
    assert world.plane.builds.find() == []
    world.build([{"command": "a"}], env={"N": 1, "T": True, "E": None})
    assert world.plane.builds.get(world.build_id).env == {"N": "1", "T": "true", "E": ""}
