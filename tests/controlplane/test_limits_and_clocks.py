"""Limits of time: silent agents, jobs that run or end too long, and clocks that are set back or forward."""

from __future__ import annotations

import pytest

from bkagent.controlplane.errors import DiskFull, Rejected
from bkagent.controlplane.web.disk_full_report import DiskFullReport
from bkagent.wire.finish import Finish
from tests.fakes.pings import next_action

HOUR_S = 3600.0


class Steady:
    """The clock that nobody sets; the world's wall clock follows it, at a distance that a test changes."""

    def __init__(self, world):
        self._world, self.now = world, world.clock.now

    def __call__(self):
        return self.now

    def tick(self, seconds, *calling):
        """Let time pass in steps of ten seconds, in which these agents send heartbeats."""
        end = self.now + seconds
        while self.now < end:
            step = min(10.0, end - self.now)
            self.now += step
            self._world.clock.now += step
            for agent in calling:
                self._world.plane.sessions.heartbeat(agent)
            self._world.plane.expiry.tick()


@pytest.fixture
def steady(world):
    world.steady = Steady(world)
    world.open()
    return world.steady


def limited(minutes=1, **more):
    return dict({"command": "a", "key": "a", "timeout_in_minutes": minutes}, **more)


@pytest.mark.parametrize(
    ("automatic", "attempts"),
    [
        (True, 3),
        ({"limit": 1}, 2),
        ({"exit_status": "*", "limit": 1}, 2),
        ({"exit_status": -1, "limit": 1}, 2),
        ({"exit_status": [1, -1], "limit": 1}, 2),
        ({"signal_reason": "none", "limit": 1}, 2),
        ({"signal": "none", "limit": 1}, 2),
        ([{"exit_status": 1}, {"exit_status": -1, "limit": 1}], 2),
        ({"exit_status": 1}, 1),
        ({"exit_status": -1, "limit": 0}, 1),
        ({"signal_reason": "agent_stop"}, 1),
        ({"signal": "SIGTERM"}, 1),
        (False, 1),
    ],
)
def test_a_lost_job_runs_again_by_these_rules(world, steady, automatic, attempts):
    world.build([{"command": "a", "key": "a", "retry": {"automatic": automatic}}])
    for _ in range(attempts):
        world.start("a")
        steady.tick(190)
    lost = world.jobs("a")
    assert [(job.state, job.exit_status, job.signal, job.signal_reason) for job in lost] == [
        ("finished", -1, "", "")
    ] * attempts
    assert [job.retried for job in lost] == [True] * (attempts - 1) + [False]
    assert world.state == "failed"


def test_an_agent_is_lost_after_three_silent_minutes_and_not_before(world, steady):
    world.build([{"command": "a", "key": "a"}])
    agent = world.start("a").agent_id
    steady.tick(500, agent)
    steady.tick(180)
    assert (world.plane.sessions.get(agent).state, world.states["a"]) == ("connected", "running")
    steady.tick(10)
    assert (world.plane.sessions.get(agent).state, world.states["a"]) == ("lost", "failed")
    assert world.plane.sessions.get(agent).lost_at == world.clock.now


def test_an_agent_ends_a_job_that_is_over_its_time_within_the_grace_it_has(world, steady):
    world.build([limited(2)])
    agent = world.start("a").agent_id
    steady.tick(120, agent)
    assert world.states["a"] == "running"
    steady.tick(10, agent)
    assert world.states["a"] == "timing_out"
    steady.tick(600, agent)  # a long grace of the agent's own
    assert world.states["a"] == "timing_out"
    world.finish("a", -1, signal="SIGKILL", signal_reason="cancel")
    job = world.jobs("a")[0]
    assert (job.state, job.exit_status, job.signal, world.state) == ("timed_out", -1, "SIGKILL", "failed")


@pytest.mark.parametrize(("canceled", "state"), [(False, "timed_out"), (True, "canceled")])
def test_an_agent_that_calls_but_does_not_end_its_job_is_waited_for_no_longer_than_a_quarter_of_an_hour(
    world, steady, canceled, state
):
    world.build([limited(1, retry={"automatic": {"exit_status": -1, "limit": 1}})])
    first = world.start("a")
    steady.tick(70, first.agent_id)
    if canceled:
        world.plane.jobs.cancel(first.id)
    steady.tick(900, first.agent_id)
    assert world.plane.jobs.get(first.id).state == ("canceling" if canceled else "timing_out")
    steady.tick(10, first.agent_id)
    job = world.plane.jobs.get(first.id)
    assert (job.state, job.exit_status, job.reason) == (state, -1, "the agent did not end the job in time")
    assert [job.state for job in world.jobs("a")[1:]] == ([] if canceled else ["scheduled"])
    # What it still prints is kept until it reports the end, which comes too late.
    steady.tick(3 * HOUR_S, first.agent_id)
    assert world.plane.logs.append(first.id, 1, 0, 3, b"abc", first.agent_id)
    with pytest.raises(Rejected):
        world.plane.runs.finish(first.id, Finish("0"))
    assert not world.plane.logs.accepts(first.id)
    assert world.plane.jobs.get(first.id).reason.endswith("reported the end too late")


def test_an_agent_is_not_blamed_for_what_it_could_not_hear_while_the_server_was_down(world, steady):
    world.build([limited(1)])
    job = world.start("a")
    steady.tick(70, job.agent_id)
    steady.now += HOUR_S
    world.clock.now += HOUR_S
    world.open()
    steady.tick(890, job.agent_id)
    assert world.states["a"] == "timing_out"
    steady.tick(20, job.agent_id)
    assert world.states["a"] == "timed_out"


def test_a_time_limit_goes_on_over_a_restart(world, steady):
    world.build([limited(60)])
    agent = world.start("a").agent_id
    steady.tick(100, agent)
    steady.now += HOUR_S - 200
    world.clock.now += HOUR_S - 200
    world.open()
    steady.tick(90, agent)
    assert world.states["a"] == "running"
    steady.tick(20, agent)
    assert world.states["a"] == "timing_out"


@pytest.mark.parametrize("jump_s", [-HOUR_S, HOUR_S, -30 * 365 * 86400.0])
def test_limits_do_not_mind_a_clock_that_is_set(world, steady, jump_s):
    step = {"command": "b", "key": "b"}
    world.build([limited(10), step, {"command": "c", "key": "c", "agents": {"queue": "far"}}])
    agent, other, waiting = world.start("a").agent_id, world.start("b").agent_id, world.agent("queue=far")
    world.plane.sessions.pause(world.agent(), timeout_minutes=5)
    assert next_action(world.plane, waiting).job_id == world.job("c").id
    steady.tick(100, agent, other)  # in which the offer went back
    assert world.states == {"a": "running", "b": "running", "c": "scheduled"}
    world.clock.now += jump_s
    steady.tick(170, agent)
    assert world.states == {"a": "running", "b": "running", "c": "scheduled"}
    assert world.plane.sessions.get(other).state == "connected"
    steady.tick(20, agent)
    assert (world.states["a"], world.states["b"], world.plane.sessions.get(other).state) == (
        "running",
        "failed",
        "lost",
    )
    steady.tick(300, agent)
    assert world.states["a"] == "running"
    steady.tick(20, agent)
    assert world.states["a"] == "timing_out"


def test_a_pause_ends_in_its_time_though_the_clock_is_set_back(world, steady):
    agent = world.agent()
    world.plane.sessions.pause(agent, timeout_minutes=5)
    steady.tick(10, agent)
    world.clock.now -= HOUR_S
    steady.tick(280, agent)
    assert world.plane.sessions.get(agent).paused
    steady.tick(20, agent)
    assert not world.plane.sessions.get(agent).paused


@pytest.mark.parametrize("moves", range(6))
def test_no_time_is_negative_when_the_clock_is_set_back(world, moves):
    def at(number):
        world.clock.now -= HOUR_S if number == moves else -1.0

    world.build([{"command": "a", "key": "a"}])
    at(0)
    agent = world.agent()
    job = next_action(world.plane, agent).job_id
    at(1)
    world.plane.dispatch.accept(agent, job)
    at(2)
    world.plane.runs.start(job)
    at(3)
    world.plane.logs.append(job, 1, 0, 3, b"abc")
    at(4)
    world.plane.runs.finish(job, Finish("0"))
    at(5)
    done, build = world.plane.jobs.get(job), world.plane.builds.get(world.build_id)
    moments = [
        done.created_at, done.runnable_at, done.assigned_at, done.accepted_at, done.started_at, done.finished_at
    ]  # fmt: skip
    assert moments == sorted(moments)
    assert build.created_at <= build.started_at <= build.finished_at
    assert world.plane.logs.accepts(job) and world.plane.logs.read(job) == b"abc"
    assert world.state == "passed"


def test_builds_and_jobs_keep_their_order_when_the_clock_is_set_back(world):
    numbers = []
    for back_s in (0.0, HOUR_S, 60.0):
        world.clock.now -= back_s
        numbers.append(world.build([{"command": "1"}, {"command": "2"}]).number)
    listed = [build.number for build in world.plane.builds.find()]
    assert listed == numbers[::-1]
    handed_out = [next_action(world.plane, world.agent()).job_id for _ in range(6)]
    order = [world.plane.builds.get(world.plane.jobs.get(job).build_id).number for job in handed_out]
    assert order == [number for number in numbers for _ in range(2)]


def test_a_full_disk_refuses_what_needs_space_and_loses_nothing(world, steady):
    world.build([limited(60)])
    job = world.start("a")
    assert world.plane.logs.append(job.id, 1, 0, 3, b"abc")
    rows = world.plane.ledger.db.rows
    (pages_count,) = rows("PRAGMA page_count")[0]
    rows(f"PRAGMA max_page_count = {pages_count}")
    sequence = 1
    with pytest.raises(DiskFull):
        while sequence < 1000:
            sequence += 1
            world.plane.logs.append(job.id, sequence, 3 * (sequence - 1), 3, b"def")
    with pytest.raises(DiskFull):
        world.plane.meta_data.put(world.build_id, {"key": "x" * 90_000})
    steady.tick(300, job.agent_id)
    assert world.states["a"] == "running"
    kept = world.plane.logs.read(job.id)
    assert kept == b"abc" + b"def" * (sequence - 2)
    rows("PRAGMA max_page_count = 1000000")
    assert world.plane.logs.append(job.id, sequence, 3 * (sequence - 1), 3, b"def")
    world.open()
    assert world.plane.logs.read(job.id) == kept + b"def"


def test_a_full_disk_is_reported_once_a_minute():
    lines, now = [], [0.0]
    report = DiskFullReport(lambda level, text: lines.append((level, text)), "/data", lambda: now[0])
    for _ in range(130):
        report.note("cannot write the log x")
        now[0] += 1
    assert [level for level, _ in lines] == ["error"] * 3
    counts = ["(59 more requests failed" in text for _, text in lines]
    assert counts == [False, True, True]
