"""Steps that jobs upload: where they go, what waits for them, what is refused."""

from __future__ import annotations

import pytest

from bkagent.controlplane.errors import NotFound, Rejected


def step(key, **more):
    return dict({"command": key, "key": key}, **more)


def order(world):
    return [entry.key or entry.kind for entry in world.steps()]


def test_steps_go_right_after_the_uploader_the_last_upload_first(world):
    world.build([step("a"), step("z")])
    world.start("a")
    world.upload("a", [step("b"), step("c")])
    world.upload("a", [step("d")])
    assert order(world) == ["a", "d", "b", "c", "z"]
    assert [job.step_key for job in world.jobs()] == ["a", "d", "b", "c", "z"]


def test_uploaded_steps_wait_for_the_uploader(world):
    world.build([step("a")])
    world.start("a")
    world.upload("a", [step("b")])
    assert world.states == {"a": "running", "b": "waiting"}
    world.finish("a")
    assert world.states == {"a": "passed", "b": "scheduled"}


def test_uploaded_steps_fail_with_the_uploader(world):
    world.build([step("a")])
    world.start("a")
    world.upload("a", [step("b"), step("c", depends_on=[], allow_dependency_failure=True)])
    world.finish("a", 1)
    assert world.states == {"a": "failed", "b": "waiting_failed", "c": "scheduled"}


def test_a_wait_after_the_uploader_waits_for_what_it_uploads_in_turn(world):
    world.build([step("a"), {"wait": None, "key": "w"}, step("z")])
    world.start("a")
    world.upload("a", [step("b")])
    world.finish("a")
    world.start("b")
    world.upload("b", [step("c")])
    world.finish("b")
    assert world.states["z"] == "waiting"
    world.run("c")
    assert world.states == {"a": "passed", "b": "passed", "c": "passed", "w": "passed", "z": "scheduled"}


def test_who_depends_on_the_uploader_waits_for_what_it_uploads(world):
    world.build([step("a"), step("z", depends_on="a")])
    world.start("a")
    world.upload("a", [step("b"), step("c", depends_on="a")])
    world.finish("a")
    assert world.states == {"a": "passed", "b": "scheduled", "c": "scheduled", "z": "waiting"}
    world.do("b=0", "c=0")
    assert world.states["z"] == "scheduled"


def test_a_failed_uploaded_step_fails_who_depends_on_the_uploader(world):
    world.build([step("a"), step("z", depends_on="a")])
    world.start("a")
    world.upload("a", [step("b")])
    world.do("a=0", "b=1")
    assert world.states["z"] == "waiting_failed"


def test_uploaded_waits_hold_back_uploaded_steps(world):
    world.build([step("a")])
    world.start("a")
    world.upload("a", [step("b"), {"wait": None, "key": "w"}, step("c")])
    world.finish("a")
    assert world.states == {"a": "passed", "b": "scheduled", "w": "waiting", "c": "waiting"}


def test_an_uploader_in_a_group_puts_its_steps_after_the_group(world):
    world.build([{"group": "G", "key": "g", "steps": [step("a"), "wait", step("b")]}, step("z", depends_on="g")])
    world.start("a")
    world.upload("a", [step("c")])
    world.finish("a")
    assert order(world) == ["g", "a", "wait", "b", "c", "z"]
    assert world.job("c").group_id == ""
    # The wait in the group waits for what a step of the group has uploaded.
    assert (world.states["b"], world.states["z"]) == ("waiting", "waiting")
    world.run("c")
    assert (world.states["b"], world.states["z"]) == ("scheduled", "waiting")


def test_an_upload_brings_a_missing_dependency(world):
    world.build([step("a"), step("z", depends_on="late")])
    world.start("a")
    world.upload("a", [step("late")])
    world.do("a=0", "late=0")
    assert world.states["z"] == "scheduled"


def test_a_repeated_upload_adds_nothing(world):
    world.build([step("a")])
    world.start("a")
    first = world.upload("a", [step("b")], uuid="u1")
    assert world.upload("a", [step("b")], uuid="u1") == first
    assert order(world) == ["a", "b"]
    status = world.plane.uploads.status(world.job("a").id, "u1")
    assert status.state == "applied"
    with pytest.raises(NotFound):
        world.plane.uploads.status(world.job("a").id, "u2")


def test_keys_are_unique_over_uploads(world):
    world.build([step("a")])
    world.start("a")
    with pytest.raises(Rejected, match='"a" has already been used by another step in this build'):
        world.upload("a", [step("a")])
    assert order(world) == ["a"]


def test_a_refused_upload_leaves_nothing_and_may_be_mended(world):
    world.build([step("a")])
    world.start("a")
    with pytest.raises(Rejected, match="step 2.*condition"):
        world.upload("a", [step("b"), step("c", **{"if": "nonsense("})], uuid="u")
    assert (order(world), world.plane.builds.get(world.build_id).pipeline_env) == (["a"], {})
    world.upload("a", [step("b")], uuid="u")
    assert order(world) == ["a", "b"]


def test_unsupported_steps_are_refused_when_uploaded(world):
    world.build([step("a")])
    world.start("a")
    with pytest.raises(Rejected, match="trigger steps"):
        world.upload("a", [{"trigger": "other"}])


def test_a_finished_or_canceled_job_uploads_nothing(world):
    world.build([step("a"), step("b")])
    world.run("a")
    with pytest.raises(Rejected, match="running build"):
        world.upload("a", [step("c")])
    world.start("b")
    world.plane.builds.cancel(world.build_id)
    with pytest.raises(Rejected, match="running build"):
        world.upload("b", [step("c")])


def test_replace_takes_away_what_has_not_started(world):
    world.build([step("a"), step("b"), "wait", {"group": "G", "steps": [step("c")]}, step("d")])
    world.do("a", "b")
    world.upload("a", [step("e")], replace=True)
    assert order(world) == ["a", "e", "b"]
    # A key that was taken away is free again.
    world.upload("a", [step("c")])
    world.do("a=0", "b=0", "c=0", "e=0")
    assert world.state == "passed"


def test_env_of_an_upload_is_for_jobs_that_start_later(world):
    world.build({"env": {"X": "1", "Y": "1"}, "steps": [step("a", env={"Y": "step"})]})
    job = world.start("a")
    world.upload("a", {"env": {"X": "2"}, "steps": [step("b", **{"if": "build.env('X') == '2'"})]})
    world.do("a=0", "b")
    assert world.plane.job_envs.of_job(world.job("b").id)["X"] == "2"
    assert world.plane.job_envs.of_job(job.id)["Y"] == "step"


def test_uploaded_jobs_inherit_the_uploaders_time(world):
    world.build([step("a")])
    world.clock.now += 100
    world.start("a")
    world.upload("a", [step("b")])
    assert world.job("b").scheduled_at == world.job("a").scheduled_at < world.job("b").created_at


def test_uploads_after_a_retry_of_the_uploader_wait_for_the_new_attempt(world):
    world.build([step("a", retry={"automatic": True})])
    world.start("a")
    world.upload("a", [step("b")])
    world.finish("a", 1)
    assert world.states == {"a": "scheduled", "b": "waiting"}
    world.run("a")
    assert world.states == {"a": "passed", "b": "scheduled"}


def test_a_build_takes_a_bounded_number_of_jobs(world):
    world.build([step("a")])
    world.start("a")
    for number in range(8):
        try:
            world.upload("a", [{"command": "x", "label": f"{number}", "parallelism": 500, "skip": False}])
        except Rejected as refused:
            assert number == 7 and "4000 jobs" in str(refused)
            return
    raise AssertionError("4001 jobs were taken")
