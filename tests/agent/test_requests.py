"""What an agent and the commands of its jobs say with each request to the control plane."""

import sys
import threading

import pytest

from bkagent.agent.session.heartbeat import Heartbeat
from bkagent.errors import Refused, WireError
from bkagent.remote.worker import agents
from bkagent.transport.timers import Timers
from tests.fakes.control_plane import PAGE

NOT_OURS = "POST form"  # the store that an artifact's instructions name


def test_every_request_asks_for_json(plane, start):
    """Of the agent, of a command through the job's local socket, and of one that connects by itself."""
    job = plane.add_job(
        "\n".join([
            "buildkite-agent meta-data set socket yes",
            "env -u BUILDKITE_AGENT_JOB_API_SOCKET buildkite-agent meta-data set direct yes",
            "echo x > a.txt && buildkite-agent artifact upload a.txt",
        ])
    )  # fmt: skip
    agent = start("--disconnect-after-job")
    assert agent.wait() == 0, agent.said
    assert job.finish["exit_status"] == "0", job.text
    assert plane.meta_data == {"socket": "yes", "direct": "yes"}
    without = [
        request.call
        for request in plane.requests
        if request.headers.get("Accept") != "application/json" and request.call != NOT_OURS
    ]
    assert not without


def test_a_page_in_place_of_an_answer_to_a_ping_is_passed_over(plane, start):
    """What stands between both may say 200 and mean nothing."""
    pages = plane.break_down("^GET ping$", PAGE)
    agent = start("--disconnect-after-job")
    assert plane.wait_for(lambda: pages.hits > 1), agent.said
    pages.end()
    job = plane.add_job("echo hello")
    assert agent.wait() == 0, agent.said
    assert job.finish["exit_status"] == "0"
    assert "200 came without valid JSON" in agent.said


def test_a_heartbeat_whose_answer_cannot_be_read_does_not_end_the_session(monkeypatch):
    beaten, refusals = threading.Event(), []

    def beat(*_, **__):
        if beaten.is_set():
            raise Refused("gone", 401)
        beaten.set()
        raise WireError("a page")

    monkeypatch.setattr(agents, "heartbeat", beat)
    ended, timers = threading.Event(), Timers()
    heartbeat = Heartbeat(
        lambda: None, 0.01, timers, report=lambda level, text, event="": None, on_beat=lambda: None,
        on_refusal=lambda refusal: (refusals.append(str(refusal)), ended.set()),
    )  # fmt: skip
    heartbeat.start()
    assert ended.wait(30) and refusals == ["gone"]
    timers.close()


@pytest.mark.parametrize("step", ["request", "on_beat"])
def test_a_defect_in_a_heartbeat_is_reported_and_costs_no_further_one(monkeypatch, step):
    """Without heartbeats the control plane takes a running job from its worker within minutes."""
    beats, defects, ended, timers = [], [], threading.Event(), Timers()

    def fail_once(current_step):
        if step == current_step and len(beats) == 1:
            raise KeyError("defect")

    def beat(*_, **__):
        beats.append(len(beats))
        fail_once("request")
        if len(beats) == 3:
            ended.set()

    monkeypatch.setattr(agents, "heartbeat", beat)
    monkeypatch.setattr(
        sys, "excepthook", lambda kind, defect, trace: defects.append((kind, threading.current_thread().name))
    )
    heartbeat = Heartbeat(
        lambda: None, 0.05, timers, report=lambda level, text, event="": None, on_beat=lambda: fail_once("on_beat"),
        on_refusal=lambda refusal: None,
    )  # fmt: skip
    heartbeat.start()
    assert ended.wait(30) and defects == [(KeyError, "heartbeat")]
    heartbeat.stop()
    timers.close()
