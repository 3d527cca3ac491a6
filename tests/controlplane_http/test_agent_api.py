"""The Agent API over HTTP, called as agents and the commands of jobs call it."""

import gzip
import http.client
import json
import threading
import time
from typing import Any

import pytest


def test_a_job_from_register_to_finish(desk: Any) -> None:
    build = desk.build({"command": "echo hi", "label": "Say hi"}, message="first")
    agent = desk.registered()
    status, answer, _ = agent.call("GET", "/ping")
    job_id = answer["job"]["id"]
    status, accepted, _ = agent.call("PUT", f"/jobs/{job_id}/accept")
    assert accepted["id"] == job_id and accepted["chunks_max_size_bytes"] > 0 and accepted["token"]
    for name in (
        "JOB_ID",
        "REPO",
        "COMMIT",
        "BRANCH",
        "AGENT_NAME",
        "ORGANIZATION_SLUG",
        "PIPELINE_SLUG",
        "PIPELINE_PROVIDER",
    ):
        assert accepted["env"]["BUILDKITE_" + name]
    assert accepted["env"]["BUILDKITE_BUILD_URL"].startswith(desk.server.url)
    assert agent.call("PUT", f"/jobs/{job_id}/accept")[1] == accepted  # the answer may have been lost
    job = desk.agent(accepted["token"])
    assert job.call("PUT", f"/jobs/{job_id}/start", {"started_at": "2026-01-01T00:00:00Z"})[0] == 200
    assert job.call("GET", f"/jobs/{job_id}")[1] == {"state": "running"}
    assert desk.log(job, job_id, 2, 3, b"hi\n")[0] == 201
    assert desk.log(job, job_id, 1, 0, b"oh ")[0] == 201
    assert desk.log(job, job_id, 1, 0, b"oh ")[0] == 201
    finish = {"exit_status": "0", "finished_at": "2026-01-01T00:00:02Z", "chunks_failed_count": 0}
    assert job.call("PUT", f"/jobs/{job_id}/finish", finish)[0] == 200
    assert desk.plane.logs.read(job_id) == b"oh hi\n"
    assert desk.plane.builds.get(build.id).state == "passed"
    assert agent.call("GET", "/ping")[:2] == (200, {"action": "idle"})
    status, answer, _ = agent.call("POST", "/heartbeat", {"sent_at": "2026-01-01T00:00:00Z"})
    assert status == 200 and answer["sent_at"] == "2026-01-01T00:00:00Z" and answer["received_at"]
    assert agent.call("POST", "/disconnect")[1]["connection_state"] == "disconnected"
    assert agent.call("POST", "/disconnect")[0] == 200
    assert agent.call("GET", "/ping")[0] == 401


def test_register_answers_what_an_agent_cannot_do_without(desk: Any) -> None:
    status, answer, _ = desk.agent(desk.plane.tokens.agent).call(
        "POST", "/register", {"name": "a", "meta_data": ["queue=x"]}
    )
    assert status == 200
    assert all(answer[name] > 0 for name in ("ping_interval", "job_status_interval", "heartbeat_interval"))
    assert answer["id"] and answer["name"] == "a" and answer["access_token"] and answer["meta_data"] == ["queue=x"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/register"), ("GET", "/ping"), ("POST", "/heartbeat"), ("PUT", "/jobs/x/accept"), ("GET", "/jobs/x"),
     ("POST", "/jobs/x/chunks?sequence=1&offset=0&size=1"), ("POST", "/jobs/x/data/get"), ("POST", "/jobs/x/artifacts"),
     ("POST", "/jobs/x/pipelines"), ("POST", "/builds/x/cancel"), ("GET", "/builds/x/artifacts/search?query=*")],
)  # fmt: skip
@pytest.mark.parametrize("authorization", ["", "Token", "Token wrong", "Bearer {api}", "Token {api}", "Token bkaa_x_y"])
def test_nothing_answers_without_the_right_token(desk: Any, method: str, path: str, authorization: str) -> None:
    client = desk.agent("")
    client.authorization = authorization.format(api=desk.plane.tokens.api)
    status, answer, _ = client.call(method, path, {})
    assert status == 401 and list(answer) == ["message"]


def test_tokens_are_good_for_their_own_things_only(desk: Any) -> None:
    desk.build({"command": "a"}, {"command": "b"})
    agent = desk.registered()
    job_id, job = desk.running_job(agent)
    other_id, other = desk.running_job(desk.registered())
    assert job.call("GET", "/ping")[0] == 401
    assert job.call("GET", f"/jobs/{other_id}")[0] == 403
    assert desk.log(job, other_id, 1, 0, b"x")[0] == 403
    assert agent.call("GET", f"/jobs/{job_id}")[1] == {"state": "running"}
    assert agent.call("GET", f"/jobs/{other_id}")[0] == 403
    assert agent.call("POST", "/register", {})[0] == 401
    assert desk.agent(desk.plane.tokens.agent).call("GET", "/ping")[0] == 401


def test_canceling_reaches_the_agent_by_the_state(desk: Any) -> None:
    build = desk.build()
    job_id, job = desk.running_job()
    desk.plane.builds.cancel(build.id)
    assert job.call("GET", f"/jobs/{job_id}")[1] == {"state": "canceling"}
    assert (
        job.call(
            "PUT", f"/jobs/{job_id}/finish", {"exit_status": "-1", "signal": "SIGTERM", "signal_reason": "cancel"}
        )[0]
        == 200
    )
    assert desk.plane.builds.get(build.id).state == "canceled"
    status, answer, _ = job.call("PUT", f"/jobs/{job_id}/finish", {"exit_status": "0"})
    assert status == 422 and answer["message"]


def test_acquire_says_rejected_and_locked_apart(desk: Any) -> None:
    build = desk.build({"command": "a", "key": "a"}, "wait", {"command": "b"})
    jobs = [job for job in desk.plane.jobs.of_build(build.id) if job.type == "script"]
    agent = desk.registered(ignore_in_dispatches=True)
    status, _, headers = agent.call("PUT", f"/jobs/{jobs[1].id}/acquire")
    assert status == 423 and float(headers["retry-after"]) > 0
    assert agent.call("PUT", f"/jobs/{jobs[0].id}/acquire")[1]["token"]
    assert desk.registered().call("PUT", f"/jobs/{jobs[0].id}/acquire")[0] == 422


class TestChunks:
    def test_only_whole_chunks_are_kept(self, desk: Any) -> None:
        desk.build()
        job_id, job = desk.running_job()
        path = f"/jobs/{job_id}/chunks?sequence=1&offset=0&size=10"
        for body in (
            gzip.compress(b"123456789", mtime=0),
            gzip.compress(b"12345678901", mtime=0),
            gzip.compress(b"1234567890", mtime=0)[:-5],
            b"1234567890",
        ):
            status, answer, _ = job.call("POST", path, body=body, Content_Encoding="gzip")
            assert status == 400 and answer["message"]
        assert desk.plane.logs.read(job_id) == b""
        assert job.call("POST", path, body=gzip.compress(b"1234567890"), Content_Encoding="gzip")[0] == 201
        assert job.call("POST", path, body=b"1234567890")[0] == 201
        assert desk.plane.logs.read(job_id) == b"1234567890"

    def test_a_chunk_needs_its_length(self, desk: Any) -> None:
        desk.build()
        job_id, job = desk.running_job()
        connection = http.client.HTTPConnection("127.0.0.1", desk.port)
        headers = {"Authorization": job.authorization, "Transfer-Encoding": "chunked"}
        path = f"/v3/jobs/{job_id}/chunks?sequence=1&offset=0&size=3"
        connection.request("POST", path, iter([b"abc"]), headers, encode_chunked=True)
        assert connection.getresponse().status == 411
        assert desk.plane.logs.read(job_id) == b""

    def test_a_chunk_that_would_inflate_beyond_the_limit_is_refused(self, desk: Any) -> None:
        desk.build()
        job_id, job = desk.running_job()
        path = f"/jobs/{job_id}/chunks?sequence=1&offset=0&size=100000000"
        assert job.call("POST", path, body=gzip.compress(bytes(10**8)), Content_Encoding="gzip")[0] == 413

    @pytest.mark.parametrize(
        "query",
        [
            "",
            "sequence=1&offset=0",
            "sequence=-1&offset=0&size=1",
            "sequence=a&offset=0&size=1",
            "sequence=1&offset=9999999999999999&size=1",
            "sequence=1&offset=%31%32%ff&size=1",
        ],
    )
    def test_bad_places_are_refused(self, desk: Any, query: str) -> None:
        desk.build()
        job_id, job = desk.running_job()
        assert job.call("POST", f"/jobs/{job_id}/chunks?{query}", body=b"x")[0] in (400, 422)


def test_meta_data(desk: Any) -> None:
    build = desk.build()
    job_id, job = desk.running_job()
    assert job.call("POST", f"/jobs/{job_id}/data/exists", {"key": "k"})[1] == {"exists": False}
    assert job.call("POST", f"/jobs/{job_id}/data/get", {"key": "k"})[0] == 404
    assert job.call("POST", f"/jobs/{job_id}/data/set", {"key": "k", "value": "v \u00fc"})[0] == 200
    items = [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]
    assert job.call("POST", f"/jobs/{job_id}/data/set-batch", {"items": items})[0] == 200
    for owner in (f"jobs/{job_id}", f"builds/{build.id}"):
        assert job.call("POST", f"/{owner}/data/get", {"key": "k"})[1] == {"key": "k", "value": "v \u00fc"}
        assert job.call("POST", f"/{owner}/data/exists", {"key": "a"})[1] == {"exists": True}
        assert job.call("POST", f"/{owner}/data/keys")[1] == ["a", "b", "k"]
    assert job.call("POST", "/builds/nothing/data/keys")[0] == 404
    for wrong in ([], {}, {"key": 1, "value": "x"}, {"key": "", "value": "x"}, {"key": "k", "value": {"a": 1}}):
        assert job.call("POST", f"/jobs/{job_id}/data/set", wrong)[0] in (400, 422)
    assert (
        job.call(
            "POST", f"/jobs/{job_id}/data/set-batch", {"items": [{"key": "c", "value": "3"}, {"key": "d", "value": 4}]}
        )[0]
        == 400
    )
    assert job.call("POST", f"/jobs/{job_id}/data/exists", {"key": "c"})[1] == {"exists": False}
    assert job.call("POST", f"/jobs/{job_id}/data/set", {"key": "big", "value": "x" * 200_000})[0] == 422


def test_annotations(desk: Any) -> None:
    build = desk.build()
    job_id, job = desk.running_job()
    path = f"/jobs/{job_id}/annotations"
    assert job.call("POST", path, {"body": "one", "style": "info", "context": "a/b.c"})[0] == 201
    assert job.call("POST", path, {"body": " two", "append": True, "context": "a/b.c"})[0] == 201
    assert job.call("POST", path, {"body": "mine", "scope": "job"})[0] == 201
    (note,) = desk.plane.annotations.find(build.id)
    assert (note.body, note.style) == ("one two", "info")
    assert job.call("POST", path, {"body": "x", "style": "nonsense"})[0] == 422
    assert job.call("POST", path, {"body": "x" * (1 << 21)})[0] == 422
    assert job.call("DELETE", f"{path}/a%2Fb%2Ec?scope=build")[0] == 204
    assert job.call("DELETE", f"{path}/default?scope=job")[0] == 204
    assert job.call("DELETE", f"{path}/default")[0] == 404
    assert desk.plane.annotations.find(build.id, scope="all") == []


def test_pipeline_upload_is_applied_before_the_answer_and_once(desk: Any) -> None:
    build = desk.build()
    job_id, job = desk.running_job()
    document = {"uuid": "0188-u", "pipeline": {"steps": [{"command": "new", "label": "New"}]}}
    for _ in range(2):
        status, answer, _ = job.call("POST", f"/jobs/{job_id}/pipelines?async=true", document)
        assert (status, answer["state"]) == (200, "applied")
    assert [job.label for job in desk.plane.jobs.of_build(build.id)].count("New") == 1
    assert job.call("GET", f"/jobs/{job_id}/pipelines/0188%2Du")[1]["state"] == "applied"
    for wrong in ({"steps": [{"unknown": 1}]}, {"steps": "x"}, "text", None):
        status, answer, _ = job.call("POST", f"/jobs/{job_id}/pipelines", {"uuid": "other", "pipeline": wrong})
        assert status == 422 and answer["message"]


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ({"plugins": "docker#v1"}, "plugins must be a list or a mapping, not a string"),
        ({"command": "c", "signature": {"value": ["x"]}}, "signature.value must be a string"),
        ({"command": "c", "matrix": {"setup": ["x"], "adjustments": [{"with": ["x"]}]}}, "with of matrix.adjustments"),
        ({"command": "c", "checkout": {"depth": "1"}}, "checkout.depth must be a whole number"),
        ({"command": {"command": "c", "cache": 5}}, "cache must be a path"),
        ({"group": "g", "steps": [{"command": "c", "secrets": None}]}, "secrets must be a list or a mapping"),
    ],
)
def test_a_step_that_an_agent_cannot_decode_is_refused_in_builds_and_uploads(desk: Any, step: Any, words: str) -> None:
    build = desk.build()
    job_id, job = desk.running_job()
    document = {"uuid": "u", "pipeline": {"steps": [{"command": "true"}, step]}}
    status, answer, _ = job.call("POST", f"/jobs/{job_id}/pipelines?async=true", document)
    assert status == 422 and answer["message"].startswith("step ") and words in answer["message"]
    body = {"commit": "HEAD", "branch": "main", "repository": "/r", "pipeline": document["pipeline"]}
    status, again, _ = desk.rest().call("POST", "/organizations/local/pipelines/other/builds", body)
    assert (status, again["message"]) == (422, answer["message"])
    assert len(desk.plane.jobs.of_build(build.id)) == 1 and len(desk.plane.pipelines.all()) == 1


def test_numbers_that_json_cannot_hold_are_refused(desk: Any) -> None:
    desk.build()
    job_id, job = desk.running_job()
    for number in (b"1e400", b"-1e400", b"9" * 400):
        body = b'{"uuid": "u", "pipeline": {"steps": [{"command": "c", "x": ' + number + b"}]}}"
        status, answer, _ = job.call("POST", f"/jobs/{job_id}/pipelines", body=body)
        assert status in (400, 422) and answer["message"]
    assert status == 422 and "a number that JSON cannot hold" in answer["message"]


def test_numbers_reach_a_plugin_as_an_upload_of_the_reference_writes_them(desk: Any) -> None:
    numbers = [float(1 << 64), 1e20, 1e21, 1e-7, -0.5, 1e6, (1 << 64) - 1, 1 << 70]
    desk.build({"plugins": [{"p": {"n": numbers}}], "env": {"N": 1e21}})
    agent = desk.registered()
    job_id = agent.call("GET", "/ping")[1]["job"]["id"]
    env = agent.call("PUT", f"/jobs/{job_id}/accept")[1]["env"]
    written = "18446744073709552000,100000000000000000000,1e+21,1e-7,-0.5,1000000,18446744073709551615"
    assert env["BUILDKITE_PLUGINS"] == '[{"p":{"n":[' + written + ",1.1805916207174113e+21]}}]"
    assert env["N"] == "1e+21"


def test_steps_are_exported_and_canceled(desk: Any) -> None:
    build = desk.build(
        {"command": "a", "key": "a"}, {"command": ["b", "c"], "key": "k.1", "label": "L", "depends_on": "a"}
    )
    _, job = desk.running_job()
    export = {"attribute": "label", "build_id": build.id}
    assert job.call("POST", "/steps/k%2E1/export", export)[1] == {"output": "L"}
    assert job.call("POST", "/steps/k%2E1/export", {"attribute": "key"})[1] == {"output": "k.1"}
    assert job.call("POST", "/steps/a/export", {"attribute": "state"})[1] == {"output": "running"}
    assert json.loads(job.call("POST", "/steps/a/export", {})[1]["output"])["command"] == "a"
    assert job.call("POST", "/steps/a/export", {"attribute": "nonsense"})[0] == 422
    assert job.call("POST", "/steps/nothing/export", {"attribute": "key"})[0] == 404
    assert job.call("PUT", "/steps/a", {"attribute": "label", "value": "x"})[0] == 422
    assert job.call("PUT", "/steps/a", {"attribute": "priority", "value": "high"})[0] == 422
    assert job.call("PUT", "/steps/k%2E1", {"attribute": "priority", "value": "7", "build_id": build.id})[0] == 200
    assert [job.priority for job in desk.plane.jobs.of_build(build.id)] == [0, 7]
    assert job.call("POST", "/steps/k%2E1/cancel", {"build_id": build.id, "force": False})[1]["uuid"]
    assert job.call("POST", "/steps/a/cancel", {"build_id": desk.build().id})[0] == 403


def test_a_job_cancels_its_own_build_only(desk: Any) -> None:
    build = desk.build()
    job_id, job = desk.running_job()
    assert job.call("POST", f"/builds/{desk.build().id}/cancel")[0] == 403
    assert job.call("POST", f"/builds/{build.id}/cancel")[1] == {"uuid": build.id}
    assert job.call("GET", f"/jobs/{job_id}")[1] == {"state": "canceling"}


def test_stop_pause_and_resume_from_inside_a_job(desk: Any) -> None:
    desk.build()
    agent = desk.registered()
    _, job = desk.running_job(agent)
    assert job.call("POST", "/pause", {"note": "lunch", "timeout_in_minutes": 5})[0] == 204
    assert agent.call("GET", "/ping")[1] == {"action": "pause", "message": "lunch"}
    assert job.call("POST", "/resume")[0] == 204
    assert job.call("POST", "/stop", {"force": False})[0] == 204
    assert agent.call("GET", "/ping")[1]["action"] == "disconnect"


def test_what_is_not_offered_says_so(desk: Any) -> None:
    desk.build()
    job_id, job = desk.running_job()
    assert "secrets" in job.call("GET", f"/jobs/{job_id}/secrets?key=K")[1]["message"]
    assert job.call("POST", f"/jobs/{job_id}/oidc/tokens", {})[0] == 404
    assert job.call("GET", "/cache_registries/~")[:2] == (404, {"message": "Cache registry not found"})
    job.prefix = ""
    assert job.call("POST", "/agentedge.v1.AgentEdgeService/StreamPings", body=b"\0" * 5)[0] == 404


def test_every_body_is_checked(desk: Any) -> None:
    desk.build()
    agent = desk.registered()
    job_id, job = desk.running_job(agent)
    for body in (b"{", b"[]", b'"x"', b"1", b'{"key": "\xff"}', b"[" * 100_000):
        for client, method, path in (
            (desk.agent(desk.plane.tokens.agent), "POST", "/register"), (job, "PUT", f"/jobs/{job_id}/finish"),
            (job, "POST", f"/jobs/{job_id}/data/set"), (job, "POST", f"/jobs/{job_id}/annotations"),
            (job, "POST", f"/jobs/{job_id}/artifacts"), (job, "PUT", f"/jobs/{job_id}/artifacts"),
            (job, "POST", f"/jobs/{job_id}/header_times"), (job, "POST", f"/jobs/{job_id}/pipelines"),
        ):  # fmt: skip
            status, answer, _ = client.call(method, path, body=body)
            assert status in (400, 422) and answer["message"], (path, body[:20])
    assert job.call("GET", f"/jobs/{job_id}")[1] == {"state": "running"}


def test_header_times(desk: Any) -> None:
    desk.build()
    job_id, job = desk.running_job()
    times = {"0": "2026-01-01T00:00:00.5Z", "1": "2026-01-01T00:00:01Z"}
    assert job.call("POST", f"/jobs/{job_id}/header_times", {"header_times": times})[0] == 201
    assert desk.plane.logs.header_times(job_id) == [(0, times["0"]), (1, times["1"])]


@pytest.mark.parametrize("desk", [30.0], indirect=True)
def test_a_held_ping_brings_work_as_soon_as_there_is_some(desk: Any) -> None:
    agent = desk.registered()
    answers: "list[Any]" = []
    waiter = threading.Thread(target=lambda: answers.append(agent.call("GET", "/ping")))
    waiter.start()
    desk.build()
    waiter.join(20)
    assert answers and answers[0][1]["job"]["id"]


def test_a_job_that_ended_longer_than_a_minute_ago_adds_nothing_to_its_log(desk: Any) -> None:
    desk.build()
    agent = desk.registered()
    job_id, job = desk.running_job(agent)
    assert job.call("PUT", f"/jobs/{job_id}/finish", {"exit_status": "0"})[0] == 200
    assert desk.log(job, job_id, 1, 0, b"abc")[0] == 201
    clock = desk.plane.ledger.clock
    desk.plane.ledger.clock = lambda: clock() + 61
    for client in (job, agent):
        assert desk.log(client, job_id, 2, 3, b"def")[0] in (403, 422)
        times = {"header_times": {"0": "2026-01-01T00:00:00Z"}}
        assert client.call("POST", f"/jobs/{job_id}/header_times", times)[0] in (403, 422)
    assert desk.plane.logs.read(job_id) == b"abc" and desk.plane.logs.header_times(job_id) == []


@pytest.mark.parametrize("desk", [30.0], indirect=True)
def test_a_ping_whose_agent_has_gone_takes_no_job(desk: Any) -> None:
    gone = desk.registered(name="gone", priority="10")
    gone.connection.request("GET", "/v3/ping", headers={"Authorization": gone.authorization})
    deadline = time.monotonic() + 20.0
    while not desk.plane.dispatch._idle._pinging and time.monotonic() < deadline:
        time.sleep(0.001)
    gone.connection.close()
    desk.build()
    assert desk.registered(name="here").call("GET", "/ping")[1]["job"]["id"]


@pytest.mark.parametrize("desk", [0.0, 5.0], indirect=True)
def test_a_ping_waits_for_the_job_that_is_held_back_for_a_moment(desk: Any) -> None:
    desk.plane.dispatch._idle._expected_s = 0.1
    desk.build({"command": "a"}, "wait", {"command": "b"})
    first, other = desk.registered(priority="1"), desk.registered()
    job_id, job = desk.running_job(first)
    assert job.call("PUT", f"/jobs/{job_id}/finish", {"exit_status": "0"})[0] == 200
    assert other.call("GET", "/ping")[1]["job"]["id"] != job_id
