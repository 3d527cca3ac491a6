"""Agents get jobs that suit them; jobs go from offer to end; what falls silent is given up."""

from __future__ import annotations

import threading

import pytest

from bkagent.controlplane.errors import InvalidRequest, JobNotReady, Rejected, Unauthorized
from bkagent.controlplane.scheduling import agent_tags
from bkagent.wire.finish import Finish
from bkagent.wire.registration import Registration
from tests.fakes.pings import next_action

ONE = [{"command": "a", "key": "a"}]


@pytest.mark.parametrize(
    ("rules", "tags", "expected"),
    [
        ((), (), True),
        ((), ("queue=default",), True),
        ((), ("queue=big",), False),
        (("queue=big",), ("queue=big",), True),
        (("queue=big",), (), False),
        (("queue=*",), ("queue=big",), True),
        (("queue=default",), (), True),
        (("os=linux",), ("os=linux",), True),
        (("os=linux",), ("os=Linux",), False),
        (("os=linux", "gpu=true"), ("os=linux",), False),
        (("os=mac",), ("os=linux", "os=mac"), True),
        (("gpu=*",), ("gpu=a100",), True),
        (("gpu=",), ("gpu=a100",), True),
        (("gpu=*",), (), False),
        (("*",), (), True),
        (("os=lin*",), ("os=linux",), False),
        (("v=a=b",), ("v=a=b",), True),
    ],
)
def test_tags(rules, tags, expected):
    assert agent_tags.meet(rules, tags) is expected


def test_jobs_are_handed_out_by_priority_then_time_then_place(world):
    world.build([{"command": "1"}, {"command": "2", "priority": 5}, {"command": "3"}])
    world.clock.now += 1
    world.build([{"command": "4"}, {"command": "5", "priority": 5}])
    agents = [world.agent() for _ in range(5)]
    jobs = [next_action(world.plane, agent).job_id for agent in agents]
    assert [world.plane.jobs.get(job).command for job in jobs] == ["2", "5", "1", "3", "4"]


def test_the_jobs_of_one_step_are_handed_out_in_their_own_order(world):
    world.build([{"command": "a", "parallelism": 6}, {"command": "{{matrix}}", "matrix": ["p", "q", "r", "s"]}])
    jobs = [world.plane.jobs.get(next_action(world.plane, world.agent()).job_id) for _ in range(10)]
    assert [job.parallel_index for job in jobs[:6]] == list(range(6))
    assert [job.command for job in jobs[6:]] == ["p", "q", "r", "s"]


@pytest.mark.parametrize(
    ("name", "shown"), [("%hostname-1", "build-box-1"), ("plain", "plain"), ("", "build-box"), ("%other", "%other")]
)
def test_the_control_plane_puts_the_host_into_names(world, name, shown):
    registered = world.plane.sessions.register(Registration(name, "build-box", "linux", "amd64", "3.137.0", "x", 1))
    assert registered.name == shown and world.plane.sessions.get(registered.id).name == shown


def test_agents_of_one_host_without_names_have_different_ones(world):
    def register(hostname):
        return world.plane.sessions.register(Registration("", hostname, "linux", "amd64", "3.137.0", "x", 1))

    first, second, third, elsewhere = (register(host) for host in ("box", "box", "box", "other"))
    assert [agent.name for agent in (first, second, third, elsewhere)] == ["box", "box-2", "box-3", "other"]
    for agent in (second, third):
        world.plane.sessions.disconnect(agent.id)
    assert [register("box").name, register("box").name] == ["box-2", "box-3"]


def test_an_agent_has_one_job_at_a_time(world):
    world.build([{"command": "1"}, {"command": "2"}])
    agent = world.agent()
    job = next_action(world.plane, agent).job_id
    world.plane.dispatch.accept(agent, job)
    world.plane.runs.start(job)
    assert next_action(world.plane, agent).job_id == ""
    world.plane.runs.finish(job, Finish("0"))
    assert next_action(world.plane, agent).job_id not in ("", job)


def test_an_offer_is_repeated_until_it_is_taken_up(world):
    world.build(ONE)
    agent = world.agent()
    job = next_action(world.plane, agent).job_id
    assert job and next_action(world.plane, agent).job_id == job
    first = world.plane.dispatch.accept(agent, job)
    assert next_action(world.plane, agent).job_id == job
    assert world.plane.dispatch.accept(agent, job) == first
    world.plane.runs.start(job)
    assert world.plane.dispatch.accept(agent, job) == first
    assert world.plane.runs.start(job) == world.plane.jobs.get(job)


def test_what_an_accepted_job_holds(world):
    step = {"command": "echo hi", "key": "a", "label": "Say", "artifact_paths": ["x/*", "y"], "timeout_in_minutes": 5,
            "plugins": [{"docker#v1": None}], "env": {"X": "1", "BUILDKITE_BRANCH": "no"}}  # fmt: skip
    world.build([step], branch="topic", commit="a" * 40, message="m", env={"X": "0", "Z": "2"}, tag="v1")
    agent = world.agent("queue=default", "gpu=a-1")
    job = world.plane.dispatch.accept(agent, next_action(world.plane, agent).job_id)
    assert job.step["command"] == "echo hi"
    assert job.token.startswith("bkaj_") and job.chunks_max_size_bytes > 0 and job.runnable_at
    expected = {
        "CI": "true", "BUILDKITE": "true", "X": "1", "Z": "2", "BUILDKITE_BRANCH": "topic", "BUILDKITE_TAG": "v1",
        "BUILDKITE_COMMIT": "a" * 40, "BUILDKITE_COMMIT_RESOLVED": "true", "BUILDKITE_REPO": "/repo",
        "BUILDKITE_MESSAGE": "m", "BUILDKITE_COMMAND": "echo hi", "BUILDKITE_LABEL": "Say", "BUILDKITE_TIMEOUT": "5",
        "BUILDKITE_ARTIFACT_PATHS": "x/*;y", "BUILDKITE_PLUGINS": '[{"docker#v1":null}]', "BUILDKITE_STEP_KEY": "a",
        "BUILDKITE_JOB_ID": job.id, "BUILDKITE_AGENT_ID": agent, "BUILDKITE_AGENT_NAME": "agent",
        "BUILDKITE_AGENT_META_DATA_GPU": "a-1", "BUILDKITE_AGENT_META_DATA_QUEUE": "default",
        "BUILDKITE_ORGANIZATION_SLUG": "local", "BUILDKITE_PIPELINE_SLUG": "demo", "BUILDKITE_PIPELINE_PROVIDER": "git",
        "BUILDKITE_RETRY_COUNT": "0", "BUILDKITE_PULL_REQUEST": "false", "BUILDKITE_BUILD_NUMBER": "1",
        "BUILDKITE_SOURCE": "api",
    }  # fmt: skip
    assert {name: job.env.get(name) for name in expected} == expected
    assert all(isinstance(value, str) for value in job.env.values())


def test_variables_of_groups_parallel_jobs_and_checkouts(world):
    inner = {"command": "a", "key": "a", "parallelism": 2, "checkout": {"skip": True, "depth": 3}}
    inner["checkout"]["commit_verification"] = "fail-closed"
    world.build({"checkout": {"submodules": False}, "steps": [{"group": "G", "key": "g", "steps": [inner]}]})
    world.start("a")
    env = world.plane.job_envs.of_job(world.job("a").id)
    assert (env["BUILDKITE_GROUP_KEY"], env["BUILDKITE_GROUP_LABEL"]) == ("g", "G")
    assert (env["BUILDKITE_PARALLEL_JOB"], env["BUILDKITE_PARALLEL_JOB_COUNT"]) == ("0", "2")
    assert (env["BUILDKITE_SKIP_CHECKOUT"], env["BUILDKITE_GIT_SUBMODULES"]) == ("true", "false")
    assert env["BUILDKITE_GIT_CLONE_FLAGS"] == "--depth=3"
    assert env["BUILDKITE_GIT_COMMIT_VERIFICATION"] == "fail-closed"


def test_a_job_is_accepted_only_by_whom_it_was_offered_to(world):
    world.build(ONE)
    one, other = world.agent(), world.agent()
    job = next_action(world.plane, one).job_id
    with pytest.raises(Rejected, match="not offered to this agent"):
        world.plane.dispatch.accept(other, job)
    assert next_action(world.plane, other).job_id == ""


def test_acquire_takes_a_job_by_name(world):
    world.build([{"command": "a", "key": "a", "agents": {"queue": "far"}}, "wait", {"command": "b", "key": "b"}])
    with pytest.raises(Rejected, match="agents with other tags: queue=far"):
        world.plane.dispatch.acquire(world.agent(), world.job("a").id)
    agent = world.agent("queue=far", ignore_in_dispatches=True)
    with pytest.raises(JobNotReady):
        world.plane.dispatch.acquire(agent, world.job("b").id)
    taken = world.plane.dispatch.acquire(agent, world.job("a").id)
    assert world.plane.dispatch.acquire(agent, world.job("a").id) == taken
    with pytest.raises(Rejected):
        world.plane.dispatch.acquire(world.agent(), world.job("a").id)


def test_finish_may_be_repeated_but_not_contradicted(world):
    world.build(ONE)
    world.run("a", 3, signal="", chunks_failed_count=2)
    job = world.finish("a", 3)
    assert (job.exit_status, job.chunks_failed_count, world.state) == (3, 2, "failed")
    with pytest.raises(Rejected, match="can no longer be reported"):
        world.finish("a", 0)


@pytest.mark.parametrize("text", ["", "x", "1e3", "99999999999999999999"])
def test_an_exit_status_that_is_none_counts_as_minus_one(world, text):
    world.build(ONE)
    world.start("a")
    assert world.plane.runs.finish(world.job("a").id, Finish(text)).exit_status == -1


def test_moments_that_an_agent_tells_are_kept_within_reason(world):
    world.build(ONE)
    job = world.job("a")
    agent = world.agent()
    world.plane.dispatch.acquire(agent, job.id)
    world.clock.now += 10
    started = world.plane.runs.start(job.id, started_at="1970-01-01T00:00:00Z").started_at
    assert started == world.clock.now - 10
    world.clock.now += 10
    finish = Finish("0", finished_at="2999-01-01T00:00:00Z")
    assert world.plane.runs.finish(job.id, finish).finished_at == world.clock.now


def test_a_job_cannot_finish_before_it_is_accepted(world):
    world.build(ONE)
    agent = world.agent()
    job = next_action(world.plane, agent).job_id
    with pytest.raises(Rejected, match="has not started"):
        world.plane.runs.finish(job, Finish("0"))
    with pytest.raises(Rejected, match="cannot start"):
        world.plane.runs.start(job)


def test_a_held_ping_is_answered_when_there_is_work(world):
    agent = world.agent()
    assert next_action(world.plane, agent).job_id == ""
    answers = []
    thread = threading.Thread(target=lambda: answers.append(next_action(world.plane, agent, hold_s=30)))
    thread.start()
    world.build(ONE)
    thread.join(30)
    assert [answer.job_id for answer in answers] == [world.job("a").id]


def test_a_paused_agent_gets_nothing_until_it_is_resumed(world):
    world.build(ONE)
    agent = world.agent()
    world.plane.sessions.pause(agent, note="maintenance", timeout_minutes=5)
    ping = next_action(world.plane, agent)
    assert (ping.action, ping.message) == ("pause", "maintenance")
    with pytest.raises(Rejected, match="already paused"):
        world.plane.sessions.pause(agent)
    world.clock.now += 301
    world.plane.sessions.heartbeat(agent)
    world.plane.expiry.tick()
    assert next_action(world.plane, agent).job_id
    with pytest.raises(Rejected, match="not paused"):
        world.plane.sessions.resume(agent)


def test_a_stopped_agent_is_told_to_leave(world):
    agent = world.agent()
    world.plane.sessions.stop(agent)
    assert next_action(world.plane, agent).action == "disconnect"
    assert world.plane.sessions.disconnect(agent).state == "stopped"
    with pytest.raises(InvalidRequest, match="Can only stop connected agents"):
        world.plane.sessions.stop(agent)


def test_a_forced_stop_cancels_the_job_and_its_build(world):
    world.build(ONE)
    job = world.start("a")
    world.plane.sessions.stop(job.agent_id, force=True)
    assert (world.job("a").state, world.state) == ("canceling", "canceling")


def test_a_lost_agents_job_has_failed(world):
    world.build([{"command": "a", "key": "a"}, "wait", {"command": "b", "key": "b"}])
    job = world.start("a")
    world.clock.now += 180
    world.plane.expiry.tick()
    assert world.job("a").state == "running"
    world.clock.now += 1
    world.plane.expiry.tick()
    lost = world.plane.jobs.get(job.id)
    assert (lost.state, lost.exit_status, lost.reason) == ("finished", -1, "the agent was lost")
    assert (world.plane.sessions.get(job.agent_id).state, world.state) == ("lost", "failed")
    with pytest.raises(Rejected):
        world.plane.runs.finish(job.id, Finish("0"))


def test_a_lost_job_may_be_run_again_by_a_rule(world):
    world.build([{"command": "a", "key": "a", "retry": {"automatic": [{"exit_status": -1, "limit": 1}]}}])
    world.start("a")
    world.clock.now += 200
    world.plane.expiry.tick()
    assert [job.state for job in world.jobs()] == ["finished", "scheduled"]
    assert world.state == "running"


def test_heartbeats_keep_a_job(world):
    world.build(ONE)
    agent = world.start("a").agent_id
    for _ in range(10):
        world.clock.now += 100
        world.plane.sessions.heartbeat(agent)
        world.plane.expiry.tick()
    assert world.job("a").state == "running"


def test_a_lost_agent_that_comes_back_is_connected(world):
    agent = world.agent()
    world.clock.now += 200
    world.plane.expiry.tick()
    assert world.plane.sessions.get(agent).state == "lost"
    next_action(world.plane, agent)
    assert world.plane.sessions.get(agent).state == "connected"


def test_time_while_the_control_plane_was_down_is_not_held_against_agents(world):
    world.build(ONE)
    world.start("a")
    world.clock.now += 3600
    world.open()
    world.plane.expiry.tick()
    assert world.job("a").state == "running"


def test_a_disconnected_agents_job_gets_the_time_of_a_lost_one(world):
    world.build(ONE)
    job = world.start("a")
    world.plane.sessions.disconnect(job.agent_id)
    world.plane.expiry.tick()
    assert world.job("a").state == "running"
    assert world.plane.runs.finish(job.id, Finish("0")).passed


def test_an_offer_goes_back_when_its_agent_leaves_or_forgets_it(world):
    world.build(ONE)
    agent = world.agent()
    next_action(world.plane, agent)
    world.plane.sessions.disconnect(agent)
    assert world.job("a").state == "scheduled"
    other = world.agent()
    next_action(world.plane, other)
    world.clock.now += 61
    world.plane.sessions.heartbeat(other)
    world.plane.expiry.tick()
    assert world.job("a").state == "scheduled"
    silent = world.agent()
    next_action(world.plane, silent)
    world.clock.now += 11
    world.plane.expiry.tick()
    assert world.job("a").state == "scheduled"
    with pytest.raises(Rejected):
        world.plane.dispatch.accept(other, world.job("a").id)


def test_a_job_that_runs_too_long_times_out(world):
    world.build([{"command": "a", "key": "a", "timeout_in_minutes": 1}, {"command": "b", "key": "b"}])
    agent = world.start("a").agent_id
    world.clock.now += 61
    world.plane.sessions.heartbeat(agent)
    world.plane.expiry.tick()
    assert world.job("a").state == "timing_out"
    world.finish("a", -1, signal="SIGTERM", signal_reason="cancel")
    assert (world.states["a"], world.state) == ("timed_out", "failing")


def test_a_job_that_passes_while_timing_out_has_passed(world):
    world.build([{"command": "a", "key": "a", "timeout_in_minutes": 1}])
    agent = world.start("a").agent_id
    world.clock.now += 61
    world.plane.sessions.heartbeat(agent)
    world.plane.expiry.tick()
    world.finish("a", 0)
    assert world.states == {"a": "passed"}


def test_canceling_a_build(world):
    world.build([{"command": "a", "key": "a"}, {"command": "b", "key": "b"}, "wait", {"command": "c", "key": "c"}])
    world.start("a")
    world.plane.builds.cancel(world.build_id, reason="not needed")
    assert world.state == "canceling"
    assert world.states == {"a": "canceling", "b": "canceled", "c": "canceled", "waiter": "canceled"}
    world.finish("a", 0)
    assert (world.states["a"], world.state) == ("canceled", "canceled")
    with pytest.raises(Rejected, match="already finished"):
        world.plane.builds.cancel(world.build_id)
    with pytest.raises(Rejected, match="canceled builds"):
        world.plane.jobs.retry(world.jobs("a")[0].id)


def test_a_job_canceled_between_accept_and_start_ends_with_the_next_ping(world):
    world.build(ONE)
    agent = world.agent()
    job = next_action(world.plane, agent).job_id
    world.plane.dispatch.accept(agent, job)
    world.plane.builds.cancel(world.build_id)
    assert world.job("a").state == "canceling"
    assert next_action(world.plane, agent).job_id == ""
    assert (world.job("a").state, world.state) == ("canceled", "canceled")


def test_an_offered_job_that_is_canceled_frees_its_agent(world):
    world.build([{"command": "a", "key": "a"}, {"command": "b", "key": "b"}])
    agent = world.agent()
    next_action(world.plane, agent)
    world.plane.jobs.cancel(world.job("a").id)
    assert next_action(world.plane, agent).job_id == world.job("b").id


def test_disconnect_after_job(world):
    world.build([{"command": "a", "key": "a"}, {"command": "b", "key": "b"}])
    agent = world.agent()
    job = next_action(world.plane, agent).job_id
    world.plane.dispatch.accept(agent, job)
    world.plane.runs.start(job)
    world.plane.runs.finish(job, Finish("0", ignore_agent_in_dispatches=True))
    assert next_action(world.plane, agent).job_id == ""


def test_a_session_that_has_ended_is_not_authorized(world):
    agent = world.agent()
    world.plane.sessions.disconnect(agent)
    for call in (world.plane.sessions.heartbeat, lambda id: next_action(world.plane, id)):
        with pytest.raises(Unauthorized):
            call(agent)


def test_concurrent_pings_never_hand_out_a_job_twice(world):
    world.build([{"command": str(number)} for number in range(40)])
    agents = [world.agent() for _ in range(50)]
    start = threading.Barrier(len(agents))
    offered = []

    def ping(agent):
        start.wait()
        offered.append(next_action(world.plane, agent).job_id)

    threads = [threading.Thread(target=ping, args=(agent,)) for agent in agents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    given = [job for job in offered if job]
    assert len(given) == 40 == len(set(given))


# Concurrency groups


def gate(key, limit=1, **more):
    return dict({"command": key, "key": key, "concurrency": limit, "concurrency_group": "g"}, **more)


def test_a_concurrency_group_runs_as_many_as_its_limit(world):
    world.build([gate("a", 2), gate("b", 2), gate("c", 2)])
    assert [job.state for job in world.jobs()] == ["scheduled", "scheduled", "limited"]
    world.run("a")
    assert [job.state for job in world.jobs()] == ["finished", "scheduled", "scheduled"]


def test_a_concurrency_group_is_of_all_builds_in_order(world):
    first = world.build([gate("a"), "wait", {"command": "work", "key": "work"}, "wait", gate("z")])
    world.clock.now += 1
    second = world.build([gate("b")])
    world.build_id = first.id
    world.do("a=0", "work=0")
    # The closing gate was queued before the second build, so that one stays outside.
    assert [job.state for job in world.jobs(build_id=second.id)] == ["limited"]
    world.run("z")
    assert [job.state for job in world.jobs(build_id=second.id)] == ["scheduled"]


def test_eager_jobs_take_a_free_slot(world):
    eager = {"concurrency_method": "eager"}
    world.build([{"command": "x", "key": "x"}, "wait", gate("a", **eager)])
    world.clock.now += 1
    other = world.build([gate("b", **eager)])
    assert [job.state for job in world.jobs(build_id=other.id)] == ["scheduled"]


def test_a_canceled_build_gives_its_slot_back(world):
    first = world.build([gate("a")])
    world.clock.now += 1
    second = world.build([gate("b")])
    world.plane.builds.cancel(first.id)
    assert [job.state for job in world.jobs(build_id=second.id)] == ["scheduled"]
