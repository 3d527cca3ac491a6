"""What every server of the Agent API does: the fake that agents are tried against, and the control plane itself.

The calls are those of `bkagent.remote`, so that client, fake and control plane agree on one protocol.
"""

import gzip
import os
from typing import Any, Callable, Iterator, List

import pytest

from bkagent.controlplane.plane.plane import Plane
from bkagent.controlplane.records import NewBuild
from bkagent.controlplane.web.server import Server
from bkagent.errors import Refused
from bkagent.remote.client import Client
from bkagent.remote.commands import meta_data
from bkagent.remote.worker import agents, chunks, jobs
from bkagent.wire.accepted_job import AcceptedJob
from bkagent.wire.finish import Finish
from bkagent.wire.ping import DISCONNECT, Ping
from bkagent.wire.registration import Registration
from tests.fakes.control_plane import FakeControlPlane

REGISTRATION = Registration("agent-1", "host", "Linux", "amd64", "3.137.0", "x", 1, meta_data=("queue=default",))
NOW = "2026-01-01T00:00:00.000000001Z"


def no_wait(seconds: float) -> bool:
    """Stop at the first failure: nothing here may need a second try."""
    return True


CALM: Any = {"wait": no_wait, "report": lambda level, text: None}


class Side:
    """One server: where it is, the token that registers, and how it gets a job."""

    def __init__(
        self, endpoint: str, token: str, add_job: Callable[[str], object], log: Callable[[str], bytes]
    ) -> None:
        self.endpoint, self.token, self.add_job, self.log = endpoint, token, add_job, log
        self.clients: List[Client] = []

    def client(self, token: str) -> Client:
        made = Client(self.endpoint, token, environ={}, user_agent="buildkite-agent/3.137.0.x (linux; amd64)")
        self.clients.append(made)
        return made

    def agent(self) -> Client:
        registered = agents.register(self.client(self.token), REGISTRATION, **CALM)
        client = self.client(registered.access_token)
        agents.connect(client, **CALM)
        return client


@pytest.fixture(params=["fake", "real"])
def side(request: Any, tmp_path: Any) -> Iterator[Side]:
    if request.param == "fake":
        with FakeControlPlane() as fake:
            made = Side(fake.endpoint, fake.token, fake.add_job, lambda id: fake.jobs[id].raw)
            yield made
            close(made)
        return
    plane = Plane.open(os.path.join(str(tmp_path), "data"), ticking=False)
    server = Server(plane, "127.0.0.1", 0, lambda level, text: None)
    server.start()

    def add_job(command: str) -> None:
        plane.builds.create(NewBuild("demo", {"steps": [{"command": command}]}, repository="/r.git"))

    made = Side(server.endpoint, plane.tokens.agent, add_job, plane.logs.read)
    yield made
    close(made)
    server.stop()
    plane.close()


def close(side: Side) -> None:
    for client in side.clients:
        client.close()


def accepted(side: Side, agent: Client) -> "tuple[AcceptedJob, Client]":
    """Return a job that the agent has accepted and started, and the client with its token."""
    side.add_job("true")
    offered = agents.ping(agent)
    job = jobs.accept(agent, offered.job_id, **CALM)
    client = side.client(job.token)
    jobs.start(client, job.id, NOW, **CALM)
    return job, client


def test_a_session_begins_lives_and_ends(side: Side) -> None:
    registered = agents.register(side.client(side.token), REGISTRATION, **CALM)
    assert registered.id and registered.name == "agent-1" and registered.meta_data == ("queue=default",)
    assert min(registered.ping_interval_s, registered.job_status_interval_s, registered.heartbeat_interval_s) > 0
    client = side.client(registered.access_token)
    agents.connect(client, **CALM)
    assert agents.ping(client) == Ping()
    agents.heartbeat(client, NOW, **CALM)
    agents.disconnect(client, **CALM)


def test_a_wrong_token_is_refused(side: Side) -> None:
    with pytest.raises(Refused) as refused:
        agents.register(side.client("wrong"), REGISTRATION, **CALM)
    assert refused.value.status == 401 and "401 Unauthorized: " in str(refused.value)
    with pytest.raises(Refused):
        agents.ping(side.client("wrong"))


def test_a_job_is_offered_until_it_is_accepted_and_to_one_agent_only(side: Side) -> None:
    first, second = side.agent(), side.agent()
    side.add_job("true")
    offered = agents.ping(first)
    assert offered.job_id and offered.action != DISCONNECT
    assert agents.ping(first).job_id == offered.job_id  # the first answer may have been lost
    assert agents.ping(second).job_id == ""
    job = jobs.accept(first, offered.job_id, **CALM)
    assert jobs.accept(first, offered.job_id, **CALM) == job


def test_an_accepted_job_has_what_a_bootstrap_needs(side: Side) -> None:
    agent = side.agent()
    side.add_job("echo hello")
    job = jobs.accept(agent, agents.ping(agent).job_id, **CALM)
    assert job.token and job.chunks_max_size_bytes > 0 and job.step["command"] == "echo hello"
    for name in ("JOB_ID", "REPO", "COMMIT", "BRANCH", "AGENT_NAME", "ORGANIZATION_SLUG"):
        assert job.env[f"BUILDKITE_{name}"], name
    assert job.env["BUILDKITE_PIPELINE_SLUG"] and job.env["BUILDKITE_PIPELINE_PROVIDER"]
    assert job.env["BUILDKITE_COMMAND"] == "echo hello" and job.env["BUILDKITE_JOB_ID"] == job.id


def test_chunks_may_come_out_of_order_and_twice(side: Side) -> None:
    job, client = accepted(side, side.agent())
    for sequence, offset, data in ((2, 6, b"world"), (1, 0, b"hello "), (2, 6, b"world")):
        chunks.upload(client, job.id, sequence, offset, len(data), gzip.compress(data))
    assert side.log(job.id) == b"hello world"


def test_a_job_ends_once(side: Side) -> None:
    job, client = accepted(side, side.agent())
    assert jobs.state(client, job.id) == "running"
    jobs.finish(client, job.id, Finish("0", finished_at=NOW), **CALM)
    assert jobs.state(client, job.id) == "finished"
    with pytest.raises(Refused) as refused:
        jobs.finish(client, job.id, Finish("1", finished_at=NOW), **CALM)
    assert refused.value.status == 422


def test_an_agent_that_leaves_after_a_job_is_offered_no_other(side: Side) -> None:
    leaving, other = side.agent(), side.agent()
    job, client = accepted(side, leaving)
    side.add_job("true")
    finish = Finish("0", finished_at=NOW, ignore_agent_in_dispatches=True)
    jobs.finish(client, job.id, finish, **CALM)
    assert agents.ping(leaving).job_id == ""
    assert agents.ping(other).job_id not in ("", job.id)


def test_meta_data_is_kept_for_the_build(side: Side) -> None:
    job, client = accepted(side, side.agent())
    place = {"scope": "jobs", "id": job.id, **CALM}
    assert meta_data.exists(client, "a key", **place) is False
    meta_data.set(client, job.id, "a key", "v\u00e4lue\n", **CALM)
    assert meta_data.exists(client, "a key", **place) is True
    assert meta_data.get(client, "a key", **place) == "v\u00e4lue\n"
    assert meta_data.keys(client, **place) == ["a key"]
    with pytest.raises(Refused) as refused:
        meta_data.get(client, "none", **place)
    assert refused.value.status == 404


def test_unknown_jobs_are_not_found_or_not_allowed(side: Side) -> None:
    _, client = accepted(side, side.agent())
    with pytest.raises(Refused) as refused:
        jobs.state(client, "00000000-0000-4000-8000-000000000000")
    assert refused.value.status in (403, 404)


def test_annotations_and_pipelines_are_taken(side: Side) -> None:
    job, client = accepted(side, side.agent())
    document = {"uuid": "00000000-0000-4000-8000-000000000001", "pipeline": {"steps": [{"command": "x"}]}}
    assert client.call("POST", f"jobs/{job.id}/pipelines", query={"async": "true"}, document=document).status == 200
    note = {"body": "b", "context": "c"}
    assert client.call("POST", f"jobs/{job.id}/annotations", document=note).status in (200, 201)
