"""Calls whose answers are waited for later: whatever happens meanwhile, each is taken, or says why not."""

import threading

import pytest

from bkagent.errors import Refused, Unreachable
from bkagent.remote import begun_call
from bkagent.remote.client import Client
from bkagent.remote.worker import jobs
from tests.fakes.control_plane import LOSE, RESET, FakeControlPlane
from tests.fakes.scripted_server import Answer, Raw, ScriptedServer

START = r"PUT jobs/.*/start"
NOW = "2026-01-01T00:00:00Z"


@pytest.fixture
def plane():
    with FakeControlPlane() as running:
        yield running


@pytest.fixture
def client(plane):
    made = Client(plane.endpoint, "jt-j", environ={}, user_agent="test")
    yield made
    made.close()


def go(client, job, **options):
    jobs.start(client, job.id, NOW, wait=lambda pause_s: False, report=lambda *words: None, **options)


@pytest.mark.parametrize("has_connection", [True, False])
@pytest.mark.parametrize("fault", [None, RESET, LOSE, 500])
def test_a_start_that_was_begun_is_taken(plane, client, has_connection, fault):
    job = plane.add_job("no matter")
    client = client.with_token("jt-" + job.id)
    if has_connection:
        jobs.state(client, job.id)
    broken = plane.break_down(START, fault, every=1) if fault else None
    begun = jobs.begin_start(client, job.id, NOW)
    if broken is not None:
        if has_connection:
            assert plane.wait_for(lambda: broken.hits)
        broken.end()
    go(client, job, begun=begun)
    assert job.starts and all(document == {"started_at": NOW} for document in job.starts)
    begun.abandon()  # of no effect any more


def test_a_refusal_is_told_when_the_answer_is_waited_for(plane, client):
    job = plane.add_job("no matter")
    plane.answers[f"PUT jobs/{job.id}/start"] = (422, {"message": "no"})
    jobs.state(client.with_token("jt-" + job.id), job.id)
    begun = jobs.begin_start(client.with_token("jt-" + job.id), job.id, NOW)
    with pytest.raises(Refused):
        go(client, job, begun=begun)


def test_what_cannot_be_sent_says_so_later(plane):
    client = Client(plane.endpoint, "not\na header", environ={}, user_agent="test")
    begun = begun_call.begin(client, "PUT", "jobs/j/start", {})
    with pytest.raises(Exception, match="header"):
        begun.finish()


def test_an_abandoned_call_leaves_no_answer_for_the_next(plane, client):
    job = plane.add_job("no matter")
    client = client.with_token("jt-" + job.id)
    jobs.state(client, job.id)
    jobs.begin_start(client, job.id, NOW).abandon()
    assert jobs.state(client, job.id) in ("scheduled", "assigned", "accepted", "running")


def test_half_an_answer_is_a_try_that_failed():
    half = Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")
    with ScriptedServer({"GET /jobs/j": Answer(200, {"state": "accepted"}), "PUT /jobs/j/start": half}) as server:
        client = Client(server.url, "jt-j", environ={}, user_agent="test")
        jobs.state(client, "j")
        begun = jobs.begin_start(client, "j", NOW)
        with pytest.raises(Unreachable, match="EOF"):
            begun.finish()
        assert server.lines.count("PUT /jobs/j/start") == 1
        client.close()


def test_an_answer_that_does_not_come_is_waited_for_once(monkeypatch):
    monkeypatch.setattr(begun_call, "DEFAULT_TIMEOUT_S", 0.05)
    never = threading.Event()
    with ScriptedServer(
        {"GET /jobs/j": Answer(200, {"state": "accepted"}), "PUT /jobs/j/start": Raw(hold=never)}
    ) as server:
        client = Client(server.url, "jt-j", environ={}, user_agent="test")
        jobs.state(client, "j")
        begun = jobs.begin_start(client, "j", NOW)
        try:
            with pytest.raises(Unreachable, match="timed out"):
                begun.finish()
        finally:
            never.set()
            client.close()
