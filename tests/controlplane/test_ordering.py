"""Which jobs run when: waits, blocks, dependencies, groups and failures."""

from __future__ import annotations

import pytest

A, B, C, D = ({"command": name, "key": name} for name in "abcd")
WAIT = {"wait": None, "key": "wait"}
GO_ON = {"wait": None, "key": "go-on", "continue_on_failure": True}


def step(key, *depends_on, **more):
    return dict({"command": key, "key": key}, **({"depends_on": list(depends_on)} if depends_on else {}), **more)


def allowing(key):
    return {"step": key, "allow_failure": True}


CASES = {
    "steps without an order run at once": ([A, B], [], {"a": "scheduled", "b": "scheduled"}, "scheduled"),
    "a build runs once a job has started": ([A, B], ["a"], {"a": "running", "b": "scheduled"}, "running"),
    "a build passes when all jobs have": ([A, B], ["a=0", "b=0"], {"a": "passed", "b": "passed"}, "passed"),
    "a wait holds back what comes after": (
        [A, WAIT, B], ["a"], {"a": "running", "wait": "waiting", "b": "waiting"}, "running"),
    "a wait lets go when everything before has passed": (
        [A, B, WAIT, C], ["a=0", "b=0"], {"a": "passed", "b": "passed", "wait": "passed", "c": "scheduled"}, "running"),
    "a wait lets go only when everything before has passed": (
        [A, B, WAIT, C], ["a=0"], {"a": "passed", "b": "scheduled", "wait": "waiting", "c": "waiting"}, "running"),
    "a failure stops at a wait": (
        [A, WAIT, B], ["a=1"], {"a": "failed", "wait": "waiting_failed", "b": "waiting_failed"}, "failed"),
    "a build fails at once and goes on failing": (
        [A, B], ["b", "a=1"], {"a": "failed", "b": "running"}, "failing"),
    "continue_on_failure goes on": (
        [A, GO_ON, B], ["a=1"], {"a": "failed", "go-on": "passed", "b": "scheduled"}, "failing"),
    "continue_on_failure waits for all of them": (
        [A, B, GO_ON, C], ["a=1"], {"a": "failed", "b": "scheduled", "go-on": "waiting", "c": "waiting"}, "failing"),
    "a build that went on after a failure has failed": (
        [A, GO_ON, B], ["a=1", "b=0"], {"a": "failed", "go-on": "passed", "b": "passed"}, "failed"),
    "no wait goes on after a plain wait has failed": (
        [A, WAIT, B, GO_ON, C], ["a=1"],
        {"a": "failed", "wait": "waiting_failed", "b": "waiting_failed", "go-on": "waiting_failed",
         "c": "waiting_failed"}, "failed"),
    "several continue_on_failure waits in a row all let go": (
        [A, GO_ON, {"wait": None, "continue_on_failure": True, "key": "two"}, B], ["a=1"],
        {"a": "failed", "go-on": "passed", "two": "passed", "b": "scheduled"}, "failing"),
    "continue_on_failure does not go on after a cancel": (
        [A, GO_ON, B], ["cancel a"], {"a": "canceled", "go-on": "canceled", "b": "canceled"}, "failed"),
    "a soft failure is no failure": (
        [dict(A, soft_fail=True), WAIT, B], ["a=1", "b=0"], {"a": "failed", "wait": "passed", "b": "passed"}, "passed"),
    "a soft failure of another status is a failure": (
        [dict(A, soft_fail=[{"exit_status": 3}]), WAIT, B], ["a=1"],
        {"a": "failed", "wait": "waiting_failed", "b": "waiting_failed"}, "failed"),
    "depends_on waits for its key alone": (
        [A, B, step("c", "a")], ["a=0"], {"a": "passed", "b": "scheduled", "c": "scheduled"}, "running"),
    "depends_on may name a later step": (
        [step("c", "a"), A], ["a"], {"c": "waiting", "a": "running"}, "running"),
    "depends_on replaces the order of the document": (
        [A, WAIT, B, step("c", "b")], [], {"a": "scheduled", "wait": "waiting", "b": "waiting", "c": "waiting"},
        "scheduled"),
    "an empty depends_on waits for nothing": (
        [A, WAIT, dict(B, depends_on=[])], [], {"a": "scheduled", "wait": "waiting", "b": "scheduled"}, "scheduled"),
    "a null depends_on waits for nothing": (
        [A, WAIT, dict(B, depends_on=None)], [], {"a": "scheduled", "wait": "waiting", "b": "scheduled"}, "scheduled"),
    "a failed dependency spreads": (
        [A, step("b", "a"), step("c", "b")], ["a=1"],
        {"a": "failed", "b": "waiting_failed", "c": "waiting_failed"}, "failed"),
    "a failure may be allowed for one dependency": (
        [A, step("b", allowing("a"))], ["a=1"], {"a": "failed", "b": "scheduled"}, "failing"),
    "a failure may be allowed for a step": (
        [A, step("b", "a", allow_dependency_failure=True)], ["a=1"], {"a": "failed", "b": "scheduled"}, "failing"),
    "an allowed failure of one dependency does not allow the other's": (
        [A, B, step("c", allowing("a"), "b")], ["a=1", "b=1"],
        {"a": "failed", "b": "failed", "c": "waiting_failed"}, "failed"),
    "a step that waited in vain may be allowed too": (
        [A, step("b", "a"), step("c", allowing("b"))], ["a=1"],
        {"a": "failed", "b": "waiting_failed", "c": "scheduled"}, "failing"),
    "a cancel spreads even where failures are allowed": (
        [A, step("b", allowing("a"))], ["cancel a"], {"a": "canceled", "b": "canceled"}, "failed"),
    "allow_dependency_failure lets a step through a failed wait": (
        [A, WAIT, dict(B, allow_dependency_failure=True)], ["a=1"],
        {"a": "failed", "wait": "waiting_failed", "b": "scheduled"}, "failing"),
    "a dependency on parallel jobs needs them all": (
        [dict(A, parallelism=2), step("b", "a")], ["a=0"], {"a": "passed scheduled", "b": "waiting"}, "running"),
    "a dependency on a step that does not run is satisfied": (
        [dict(A, **{"if": "false"}), step("b", "a")], [], {"a": "broken", "b": "scheduled"}, "scheduled"),
    "a skipped step holds nothing back": (
        [dict(A, skip="not today"), WAIT, B], [], {"a": "skipped", "wait": "passed", "b": "scheduled"}, "scheduled"),
    "an excluded wait is none": (
        [A, dict(WAIT, **{"if": "false"}), B], [], {"a": "scheduled", "wait": "broken", "b": "scheduled"}, "scheduled"),
    "a build of which nothing runs has not run": (
        [dict(A, skip=True), dict(B, **{"if": "false"})], [], {"a": "skipped", "b": "broken"}, "not_run"),
    "waits alone are nothing to run": ([WAIT], [], {"wait": "passed"}, "not_run"),
    "a dependency on nothing fails the build when nothing can bring it any more": (
        [A, step("b", "missing")], ["a=0"], {"a": "passed", "b": "broken"}, "failed"),
    "a step that waits for a missing one waits while it may still come": (
        [A, step("b", "missing")], ["a"], {"a": "running", "b": "waiting"}, "running"),
    "what waits for a broken step fails with it": (
        [step("a", "missing"), step("b", "a")], [], {"a": "broken", "b": "waiting_failed"}, "failed"),
    # Blocks and inputs
    "a block holds back what comes after and shows it": (
        [A, {"block": "Go", "key": "go"}, B], ["a=0"], {"a": "passed", "go": "blocked", "b": "blocked"},
        "blocked passed"),
    "a block opens when what is before has passed": (
        [A, {"block": "Go", "key": "go"}, B], ["a"], {"a": "running", "go": "waiting", "b": "waiting"}, "running"),
    "a block shows the state it asks for": (
        [A, {"block": "Go", "key": "go", "blocked_state": "running"}, B], ["a=0"],
        {"a": "passed", "go": "blocked", "b": "blocked"}, "blocked running"),
    "an unblocked build goes on": (
        [A, {"block": "Go", "key": "go"}, B], ["a=0", "unblock go"],
        {"a": "passed", "go": "unblocked", "b": "scheduled"}, "running"),
    "a block does not open after a failure": (
        [A, {"block": "Go", "key": "go"}, B], ["a=1"], {"a": "failed", "go": "blocked_failed", "b": "waiting_failed"},
        "failed"),
    "a wait after a block waits for the answer": (
        [{"block": "Go", "key": "go"}, WAIT, B], [], {"go": "blocked", "wait": "blocked", "b": "blocked"},
        "blocked passed"),
    "an input holds nothing back but the build": (
        [{"input": "Who", "key": "who"}, A], ["a=0"], {"who": "blocked", "a": "passed"}, "blocked passed"),
    "an input holds back what names it": (
        [{"input": "Who", "key": "who"}, step("a", "who")], [], {"who": "blocked", "a": "blocked"}, "blocked passed"),
    "a wait does not wait for an input": (
        [{"input": "Who", "key": "who"}, A, WAIT, B], ["a=0"],
        {"who": "blocked", "a": "passed", "wait": "passed", "b": "scheduled"}, "running"),
    # Groups
    "a wait in a group orders that group alone": (
        [{"group": "G", "steps": [A, WAIT, B]}, C], [],
        {"a": "scheduled", "wait": "waiting", "b": "waiting", "c": "scheduled"}, "scheduled"),
    "a wait after a group waits for all of it": (
        [{"group": "G", "steps": [A, B]}, WAIT, C], ["a=0"],
        {"a": "passed", "b": "scheduled", "wait": "waiting", "c": "waiting"}, "running"),
    "a group waits behind a wait": (
        [A, WAIT, {"group": "G", "steps": [B, C]}], [],
        {"a": "scheduled", "wait": "waiting", "b": "waiting", "c": "waiting"}, "scheduled"),
    "a step of a group that names its own dependencies does not wait for the wait": (
        [A, WAIT, {"group": "G", "steps": [B, dict(C, depends_on=[])]}], [],
        {"a": "scheduled", "wait": "waiting", "b": "waiting", "c": "scheduled"}, "scheduled"),
    "a group's depends_on is for all its steps": (
        [A, {"group": "G", "depends_on": "a", "steps": [B, dict(C, depends_on=[])]}], [],
        {"a": "scheduled", "b": "waiting", "c": "waiting"}, "scheduled"),
    "a dependency on a group needs all its steps": (
        [{"group": "G", "key": "g", "steps": [A, B]}, step("c", "g")], ["a=0"],
        {"a": "passed", "b": "scheduled", "c": "waiting"}, "running"),
    "a group may allow failures for its steps": (
        [A, {"group": "G", "depends_on": "a", "allow_dependency_failure": True, "steps": [B]}], ["a=1"],
        {"a": "failed", "b": "scheduled"}, "failing"),
    "a group's if is for all its steps": (
        [{"group": "G", "if": "false", "steps": [A, WAIT, B]}, C], [],
        {"a": "broken", "wait": "broken", "b": "broken", "c": "scheduled"}, "scheduled"),
    "a group's skip is for all its steps": (
        [{"group": "G", "skip": "no", "steps": [A]}], [], {"a": "skipped"}, "not_run"),
    # Retries
    "a retry brings back what waited for it": (
        [A, WAIT, B], ["a=1", "retry a"], {"a": "scheduled", "wait": "waiting", "b": "waiting"}, "running"),
    "a retry that passes lets the rest go on": (
        [A, WAIT, B], ["a=1", "retry a", "a=0", "b=0"], {"a": "passed", "wait": "passed", "b": "passed"}, "passed"),
    "a retry of a canceled job brings back what it took along": (
        [A, WAIT, B], ["cancel a", "retry a"], {"a": "scheduled", "wait": "waiting", "b": "waiting"}, "scheduled"),
    "an automatic retry is a new job, and the build does not fail": (
        [dict(A, retry={"automatic": True}), WAIT, B], ["a=1"], {"a": "scheduled", "wait": "waiting", "b": "waiting"},
        "running"),
    "automatic retries end": (
        [dict(A, retry={"automatic": {"limit": 1}}), WAIT, B], ["a=1", "a=1"],
        {"a": "failed", "wait": "waiting_failed", "b": "waiting_failed"}, "failed"),
    # Canceling because of others
    "a job may be canceled when the build is failing": (
        [A, dict(B, cancel_on_build_failing=True)], ["b", "a=1"], {"a": "failed", "b": "canceling"}, "failing"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_jobs_follow_their_steps(world, name):
    steps, moves, states, state = CASES[name]
    world.build(steps)
    world.do(*moves)
    assert world.states == states
    assert world.state == state


@pytest.mark.parametrize("name", CASES)
def test_a_store_opened_again_decides_the_same(world, name):
    steps, moves, states, state = CASES[name]
    world.build(steps)
    for move in moves:
        world.open()
        world.do(move)
    world.open()
    assert (world.states, world.state) == (states, state)


def test_a_missing_dependency_is_named(world):
    world.build([step("a", "missing")])
    assert world.job("a").reason == 'depends_on names "missing", but no step has that key'


def test_a_long_chain_of_dependencies_on_later_steps_is_settled(world):
    keys = [f"k{number}" for number in range(300)]
    world.build([step(key, following) for key, following in zip(keys, keys[1:])] + [step(keys[-1])])
    world.run(keys[-1], 1)
    assert set(world.states.values()) == {"failed", "waiting_failed"}


def test_what_waits_is_broken_where_later_documents_make_a_circle(world):
    world.build([A, step("b", "c")])
    world.start("a")
    world.upload("a", [step("c", "b")])
    world.finish("a")
    assert world.states == {"a": "passed", "b": "broken", "c": "broken"}
    assert world.state == "failed"
