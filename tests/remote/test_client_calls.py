"""Calls of the Agent API over real HTTP: paths, bodies, retries and what ends them."""

import gzip

import pytest

from bkagent.errors import AgentError, Cancelled, JobLocked, JobRejected, Refused, Unavailable, Unreachable, WireError
from bkagent.remote.client import Client
from bkagent.remote.commands import agent_control, annotations, artifacts, meta_data, pipelines
from bkagent.remote.escaping import query, segment
from bkagent.remote.worker import agents, chunks, jobs
from bkagent.transport.retry import constant
from bkagent.wire.artifacts import Artifact, StateChange
from bkagent.wire.finish import Finish
from bkagent.wire.registration import Registration
from tests.fakes.scripted_server import Answer, Raw, ScriptedServer

REGISTRATION = Registration(
    name="n", hostname="h", os="o", arch="amd64", version="3", build="b", pid=1, meta_data=("queue=q",)
)


class Waits:
    """A `wait` that only remembers, and the reports that go with it."""

    def __init__(self, stop_after=None):
        self.pauses, self.reports, self._stop_after = [], [], stop_after

    def __call__(self, seconds):
        self.pauses.append(seconds)
        return self._stop_after is not None and len(self.pauses) >= self._stop_after

    def report(self, level, text):
        self.reports.append((level, text))


@pytest.fixture
def waits():
    return Waits()


@pytest.fixture
def server():
    with ScriptedServer() as started:
        yield started


@pytest.fixture
def client(server):
    return Client(server.url + "/v3/", "token-1", environ={}, user_agent="agent/1")


def test_every_call_says_who_we_are(client, server):
    server.routes["GET /v3/ping"] = (200, {})
    client.request_headers = {
        "Buildkite-Hello": "1",
        "Authorization": "evil",
        "X-Other": "no",
        "Buildkite-Bad": "a\r\nb",
    }
    agents.ping(client)
    headers = server.seen[0].headers
    assert (headers["authorization"], headers["user-agent"], headers["buildkite-hello"]) == (
        "Token token-1",
        "agent/1",
        "1",
    )
    assert not {"x-other", "buildkite-bad", "content-type", "content-length"} & set(headers)


def test_an_empty_token_is_not_sent(client, server):
    server.routes["*"] = (200, {})
    client.with_token("").call("GET", "x")
    assert "authorization" not in server.seen[0].headers


def test_clients_of_one_endpoint_share_connections(client, server):
    server.routes["*"] = (200, {})
    client.call("GET", "a")
    client.with_token("job").call("GET", "b")
    client.with_endpoint(server.url + "/v3").call("GET", "c")
    assert server.connections_count == 1
    assert [request.headers["authorization"] for request in server.seen] == [
        "Token token-1",
        "Token job",
        "Token token-1",
    ]
    client.with_endpoint(server.url + "/other").call("GET", "d")
    assert server.seen[-1].path == "/other/d"


@pytest.mark.parametrize(
    "answer, error, words",
    [
        ((422, {"message": "no"}), Refused, "GET {url}/v3/x: 422 Unprocessable Entity: no"),
        ((404, {}), Refused, "GET {url}/v3/x: 404 Not Found"),
        ((503, {"message": "later"}), Unavailable, "GET {url}/v3/x: 503 Service Unavailable: later"),
        ((429, None), Unavailable, "GET {url}/v3/x: 429 Too Many Requests"),
        (Answer(500, body=b"<html>"), Unavailable, "GET {url}/v3/x: 500 Internal Server Error"),
        (Answer(418, {"message": ["odd"]}), Refused, "GET {url}/v3/x: 418"),
        (Answer(200, body=b""), WireError, "without valid JSON"),
        (Answer(200, body=b"\xff\xfe"), WireError, "without valid JSON"),
        (Answer(200, body=b"[" * 100_000), WireError, "nested too deeply"), (Raw(), Unreachable, "GET {url}/v3/x: EOF"),
    ],
)  # fmt: skip
def test_errors_have_one_form(client, server, answer, error, words):
    server.routes["*"] = answer
    with pytest.raises(error) as caught:
        client.call("GET", "x", expects_json=True)
    assert words.format(url=server.url) in str(caught.value)
    assert type(caught.value) is error


@pytest.mark.parametrize(
    "value, seconds", [("7", 7.0), ("0.5", 0.5), ("Wed, 21 Oct 2015 07:28:00 GMT", None), ("-1", None), ("nan", None)]
)
def test_a_retry_after_counts_in_seconds_alone(client, server, value, seconds):
    server.routes["*"] = Answer(429, headers={"Retry-After": value})
    with pytest.raises(Unavailable) as caught:
        client.call("GET", "x")
    assert caught.value.retry_after_s == seconds


def test_segments_and_queries_are_escaped_as_servers_expect():
    assert segment("a b/c.d%\u00e9~$&+:=@;,?") == "a%20b%2Fc%2Ed%25%C3%A9~$&+:=@%3B%2C%3F"
    assert query({"b": "x y&z", "a": "\u00e9*.~"}) == "a=%C3%A9%2A.~&b=x+y%26z"


# Sessions


def test_register_tries_again_and_reads_the_answer(client, server, waits):
    registered = {
        "id": "a1", "name": "n", "access_token": "at", "ping_interval": 5, "job_status_interval": 1,
        "heartbeat_interval": 60, "request_headers": {"Buildkite-X": "1"},
    }  # fmt: skip
    server.routes["POST /v3/register"] = [(500, None), Answer(200, registered)]
    answer = agents.register(client, REGISTRATION, wait=waits, report=waits.report)
    assert (answer.access_token, answer.ping_interval_s, answer.request_headers) == ("at", 5.0, {"Buildkite-X": "1"})
    assert waits.pauses == [10.0]
    assert server.seen[0].document["meta_data"] == ["queue=q"]


def test_register_is_refused_at_once(client, server, waits):
    server.routes["*"] = (401, {"message": "Invalid agent token"})
    with pytest.raises(Refused, match="Invalid agent token"):
        agents.register(client, REGISTRATION, wait=waits, report=waits.report)
    assert not waits.pauses


def test_connect_is_tried_again_whatever_comes(client, server, waits):
    server.routes["*"] = [(422, None), (200, None)]
    agents.connect(client, wait=waits, report=waits.report)
    assert waits.pauses == [5.0]
    server.routes["*"] = (404, None)
    with pytest.raises(Refused):
        agents.disconnect(client, wait=waits, report=waits.report)
    assert server.lines.count("POST /v3/disconnect") == 4


def test_ping_and_heartbeat(client, server, waits):
    server.routes["GET /v3/ping"] = (200, {"action": "pause", "message": "m", "job": {"id": "j"}})
    ping = agents.ping(client)
    assert (ping.action, ping.message, ping.job_id) == ("pause", "m", "j")
    server.routes["POST /v3/heartbeat"] = [(500, None), Answer(200, {"sent_at": "x"})]
    agents.heartbeat(client, "2026-01-01T00:00:00Z", wait=waits, report=waits.report)
    assert server.seen[-1].document == {"sent_at": "2026-01-01T00:00:00Z"} and waits.pauses == [5.0]


def test_requests_about_the_agent(client, server, waits):
    server.routes["*"] = Answer(204)
    agent_control.stop(client, force=True, wait=waits, report=waits.report)
    agent_control.stop(client, force=False, wait=waits, report=waits.report)
    agent_control.pause(client, note="n", timeout_minutes=5, wait=waits, report=waits.report)
    agent_control.resume(client, wait=waits, report=waits.report)
    assert [request.body for request in server.seen] == [
        b'{"force":true}\n', b"{}\n", b'{"note":"n","timeout_in_minutes":5}\n', b""
    ]  # fmt: skip
    assert server.seen[-1].headers["content-length"] == "0"


# Jobs


def test_accept_loops_on_silence_but_not_on_an_error(client, server, waits):
    server.routes["PUT /v3/jobs/j%2E1/accept"] = [Raw(), Answer(200, {"id": "j.1", "chunks_max_size_bytes": 1})]
    assert jobs.accept(client, "j.1", wait=waits, report=waits.report).id == "j.1"
    assert waits.pauses == [5.0]
    server.routes["PUT /v3/jobs/j%2E1/accept"] = (503, None)
    with pytest.raises(Unavailable):
        jobs.accept(client, "j.1", wait=waits, report=waits.report)
    assert waits.pauses == [5.0]


def test_a_job_without_a_chunk_limit_is_refused_by_name(client, server, waits):
    server.routes["*"] = (200, {"id": "j1", "env": {}, "chunks_max_size_bytes": 0})
    with pytest.raises(WireError, match="chunks_max_size_bytes"):
        jobs.accept(client, "j1", wait=waits, report=waits.report)


def test_acquire_waits_while_the_job_is_locked(client, server, waits):
    locked = Answer(423, {"message": "locked"}, headers={"Retry-After": "3"})
    server.routes["*"] = [locked, Answer(503), Answer(200, {"id": "j", "chunks_max_size_bytes": 1})]
    schedule = constant(7, 1.0)
    assert jobs.acquire(client, "j", wait=waits, report=waits.report, schedule=schedule).id == "j"
    assert waits.pauses == [3.0, 1.0]
    first = server.seen[0].headers
    assert first["x-buildkite-lock-acquire-job"] == "1" and first["x-buildkite-backoff-sequence"] == "0"
    assert 0 < int(first["buildkite-timeout-milliseconds"]) <= 330_000
    assert server.seen[2].headers["x-buildkite-backoff-sequence"] == "2"


def test_acquire_ends_by_what_the_server_says(client, server, waits):
    server.routes["*"] = (422, {"message": "taken"})
    with pytest.raises(JobRejected, match="taken"):
        jobs.acquire(client, "j", wait=waits, report=waits.report)
    server.routes["*"] = (423, None)
    with pytest.raises(JobLocked):
        jobs.acquire(client, "j", wait=waits, report=waits.report, schedule=constant(3, 0.0))
    times = iter([0.0, 1.0, 400.0])
    with pytest.raises(Unreachable, match="330 s"):
        jobs.acquire(client, "j", wait=waits, report=waits.report, clock=lambda: next(times))


def test_start_state_and_finish(client, server, waits):
    server.routes.update({
        "PUT /v3/jobs/j/start": (200, None), "GET /v3/jobs/j": (200, {"state": "canceling"}),
        "PUT /v3/jobs/j/finish": [(500, None), Answer(204)],
    })  # fmt: skip
    jobs.start(client, "j", "2026-01-01T00:00:00Z", wait=waits, report=waits.report)
    assert jobs.state(client, "j") == "canceling"
    jobs.finish(client, "j", Finish("-1", signal="SIGTERM"), wait=waits, report=waits.report)
    assert server.seen[-1].document == {"exit_status": "-1", "signal": "SIGTERM", "chunks_failed_count": 0}
    assert 2.0 <= waits.pauses[0] <= 3.0
    assert int(server.seen[-1].headers["buildkite-timeout-milliseconds"]) <= 3_600_000


def test_a_job_that_is_over_takes_no_second_finish(client, server, waits):
    server.routes["*"] = (422, {"message": "already finished"})
    with pytest.raises(Refused):
        jobs.finish(client, "j", Finish("0"), wait=waits, report=waits.report)
    assert not waits.pauses


def test_work_stops_while_it_waits(client, server):
    server.routes["*"] = (500, None)
    stopping = Waits(stop_after=2)
    with pytest.raises(Cancelled):
        jobs.finish(client, "j", Finish("0"), wait=stopping, report=stopping.report)
    assert len(server.seen) == 2


def test_a_chunk_goes_once_and_as_it_is(client, server):
    data = gzip.compress(b"log")
    server.routes["POST /v3/jobs/j/chunks"] = [(201, None), (503, None)]
    chunks.upload(client, "j", 2, 100, 3, data)
    request = server.seen[0]
    assert request.body == data
    assert sorted(request.query.split("&")) == ["offset=100", "sequence=2", "size=3"]
    assert (request.headers["content-encoding"], request.headers["content-type"]) == ("gzip", "text/plain")
    with pytest.raises(Unavailable):
        chunks.upload(client, "j", 3, 103, 3, data)
    assert len(server.seen) == 2


def test_header_times_are_given_up_on_429(client, server, waits):
    server.routes["*"] = [(503, None), (429, None)]
    with pytest.raises(Unavailable):
        chunks.header_times(client, "j", {"0": "2026-01-01T00:00:00Z"}, wait=waits, report=waits.report)
    assert len(server.seen) == 2 and server.seen[0].document == {"header_times": {"0": "2026-01-01T00:00:00Z"}}


# Resources of builds


def test_a_batch_of_meta_data_ends_on_401_and_404_alone(client, server, waits):
    server.routes["*"] = [(422, None), (401, None)]
    with pytest.raises(Refused):
        meta_data.set_batch(client, "j", [("a", "1")], wait=waits, report=waits.report)
    assert len(server.seen) == 2 and server.seen[0].document == {"items": [{"key": "a", "value": "1"}]}


@pytest.mark.parametrize("document", [{}, {"value": 1}, [], "x"])
def test_meta_data_answers_are_checked(client, server, waits, document):
    server.routes["*"] = (200, document)
    with pytest.raises(WireError):
        meta_data.get(client, "k", scope="jobs", id="j", wait=waits, report=waits.report)
    with pytest.raises(WireError):
        meta_data.exists(client, "k", scope="jobs", id="j", wait=waits, report=waits.report)


def test_annotations_are_removed_by_context_and_scope(client, server, waits):
    server.routes["*"] = (200, None)
    annotations.remove(client, "j", "a.b/c d", scope="build", wait=waits, report=waits.report)
    assert (server.seen[0].line, server.seen[0].query) == ("DELETE /v3/jobs/j/annotations/a%2Eb%2Fc%20d", "scope=build")


ARTIFACT = Artifact(path="a.txt", size=3, sha1="s1", sha256="s2", absolute_path="/w/a.txt", content_type="text/plain")
FORM = {"action": {"url": "https://store/", "method": "POST", "path": "p", "file_input": "file"}, "data": {"key": "v"}}


def test_artifact_records_are_created_with_instructions_of_their_own(client, server, waits):
    own = {
        "i2": {
            "actions": [
                {"url": "u2", "method": "PUT", "part_number": 2},
                {"url": "u1", "method": "PUT", "part_number": 1},
            ]
        }
    }
    answer = {"id": "b", "artifact_ids": ["i1", "i2"], "upload_instructions": FORM, "per_artifact_instructions": own}
    server.routes["*"] = [(500, None), Answer(201, answer)]
    request = artifacts.CreationRequest("j", "b", [ARTIFACT, ARTIFACT])
    created = artifacts.create(client, request, wait=waits, report=waits.report)
    assert created.instructions[0].action.file_input == "file"
    assert [action.url for action in created.instructions[1].actions] == ["u1", "u2"]
    document = server.seen[-1].document
    assert document["multipart_supported"] is True and document["upload_destination"] == ""
    assert document["artifacts"][0]["created_at"] == "0001-01-01T00:00:00Z"
    assert server.seen[0].headers["buildkite-timeout-milliseconds"] == "10000"
    assert server.seen[0].document["id"] == server.seen[1].document["id"]


@pytest.mark.parametrize(
    "answer, words",
    [
        ({"artifact_ids": ["i1"], "upload_instructions": FORM}, "1 ids came back"),
        ({"artifact_ids": ["i1", "i2"]}, "no upload instructions"),
        ({"artifact_ids": ["i1", "i2"], "upload_instructions": {"action": {}}}, "url"),
        ({"artifact_ids": ["i1", "i2"], "upload_instructions": {"actions": 5}}, "actions"),
    ],
)  # fmt: skip
def test_artifact_answers_are_checked(client, server, waits, answer, words):
    server.routes["*"] = (200, answer)
    request = artifacts.CreationRequest("j", "b", [ARTIFACT, ARTIFACT])
    with pytest.raises(WireError, match=words):
        artifacts.create(client, request, wait=waits, report=waits.report)


def test_states_are_told_again_whatever_comes(client, server, waits):
    server.routes["*"] = [(422, None), (200, None)]
    changes = [StateChange("i", True, True, ((2, "b"), (1, "a"))), StateChange("k", False)]
    artifacts.update(client, "j", changes, wait=waits, report=waits.report)
    assert server.seen[-1].document == {"artifacts": [
        {"id": "i", "state": "finished", "multipart": True,
         "multipart_etags": [{"part_number": 1, "etag": "a"}, {"part_number": 2, "etag": "b"}]},
        {"id": "k", "state": "error"},
    ]}  # fmt: skip


def test_searches_ask_for_finished_ones(client, server, waits):
    server.routes["GET /v3/builds/b/artifacts/search"] = [
        (404, None),
        Answer(200, [{"path": "p", "file_size": 1, "url": "u"}]),
    ]
    found = artifacts.search(
        client, "b", "*.txt", scope="s", include_retried_jobs=True, wait=waits, report=waits.report
    )
    assert found[0].path == "p" and waits.pauses == [5.0]
    assert server.seen[0].query == "include_retried_jobs=true&query=%2A.txt&scope=s&state=finished"


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ({"path": "p"}, "expected a JSON array"), ([{"path": "p"}, 5], "number 2 of 2 is invalid"),
        ([{"path": ["p"]}], "path must be"),
        ([{"path": "p", "file_size": "1"}], "file_size must be"), ([{"path": "p", "file_size": -1}], "file_size"),
        ([{"path": "p", "sha256sum": 5}], "sha256sum must be"), ([{"path": "p", "url": {}}], "url must be"),
    ],
)  # fmt: skip
def test_lists_with_wrong_types_say_what_is_wrong_with_which_artifact(client, server, waits, rows, says):
    server.routes["GET /v3/builds/b/artifacts/search"] = (200, rows)
    with pytest.raises(WireError, match=says):
        artifacts.search(client, "b", "*", wait=waits, report=waits.report, schedule=constant(2, 0.0))
    assert len(server.seen) == 2  # it is mostly the page of a proxy, which goes away


# Pipelines


def test_a_synchronous_upload_is_done_at_once(client, server, waits):
    server.routes["POST /v3/jobs/j/pipelines"] = [Answer(529), Answer(200, {})]
    pipelines.upload(client, "j", "u", {"steps": []}, replace=True, wait=waits, report=waits.report)
    assert [request.headers["x-buildkite-backoff-sequence"] for request in server.seen] == ["0", "1"]
    assert server.seen[0].document == {"uuid": "u", "pipeline": {"steps": []}, "replace": True}
    assert server.seen[0].query == "async=true" and waits.pauses == [5.0]


def test_an_accepted_upload_is_watched(client, server, waits):
    location = Answer(202, headers={"Location": "/v3/jobs/j/pipelines/u", "Retry-After": "2"})
    server.routes["POST /v3/jobs/j/pipelines"] = [Answer(202), location]
    server.routes["GET /v3/jobs/j/pipelines/u"] = [
        Answer(200, {"state": "pending"}, headers={"Retry-After": "9"}), Answer(404), Answer(200, {"state": "applied"})
    ]  # fmt: skip
    pipelines.upload(client, "j", "u", {}, wait=waits, report=waits.report)
    assert waits.pauses == [5.0, 2.0, 9.0, 5.0]


@pytest.mark.parametrize(
    "answer, words",
    [
        ((200, {"state": "rejected", "message": "bad step"}), "rejected: bad step"),
        ((200, {"state": "odd"}), "unknown state 'odd'"), ((422, {"message": "gone"}), "gone"),
    ],
)  # fmt: skip
def test_an_upload_that_fails_says_why(client, server, waits, answer, words):
    server.routes["POST /v3/jobs/j/pipelines"] = Answer(202, headers={"Location": "jobs/j/pipelines/u"})
    server.routes["GET /v3/jobs/j/pipelines/u"] = answer
    with pytest.raises(AgentError, match=words):
        pipelines.upload(client, "j", "u", {}, wait=waits, report=waits.report)


def test_an_answer_about_another_upload_is_refused(client, server, waits):
    server.routes["*"] = Answer(202, headers={"Location": "/v3/jobs/j/pipelines/other"})
    with pytest.raises(AgentError, match="not that of this upload"):
        pipelines.upload(client, "j", "u", {}, wait=waits, report=waits.report)
