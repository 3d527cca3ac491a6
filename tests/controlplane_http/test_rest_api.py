"""The REST API as clients of the reference service use it."""

import json
import re
from typing import Any

import pytest

ORG = "/organizations/local"
PIPELINE = ORG + "/pipelines/demo"


def run_job(desk: Any, log: bytes = b"", status: str = "0") -> Any:
    job_id, job = desk.running_job()
    if log:
        assert desk.log(job, job_id, 1, 0, log)[0] == 201
    assert job.call("PUT", f"/jobs/{job_id}/finish", {"exit_status": status})[0] == 200
    return job_id


@pytest.mark.parametrize(
    "path", ["/access-token", "/organizations", ORG + "/agents", ORG + "/builds", "/builds", PIPELINE]
)
@pytest.mark.parametrize("authorization", ["", "Bearer wrong", "Token {api}", "Basic {api}", "Bearer {agent}"])
def test_everything_needs_the_token(desk: Any, path: str, authorization: str) -> None:
    client = desk.rest()
    client.authorization = authorization.format(api=desk.plane.tokens.api, agent=desk.plane.tokens.agent)
    status, answer, headers = client.call("GET", path)
    assert status == 401 and list(answer) == ["message"] and headers["content-type"] == "application/json"


def test_what_is_open_to_all(desk: Any) -> None:
    client = desk.rest()
    client.authorization = ""
    assert client.call("GET", "/meta")[1] == {"webhook_ips": []}
    assert client.call("GET", "/")[1]["message"]


def test_who_the_token_is(desk: Any) -> None:
    rest = desk.rest()
    status, answer, _ = rest.call("GET", "/access-token")
    assert (
        re.fullmatch(r"[0-9a-f-]{36}", answer["uuid"]) and "read_builds" in answer["scopes"] and answer["user"]["name"]
    )
    assert desk.plane.tokens.api not in json.dumps(answer)
    assert [item["slug"] for item in rest.call("GET", "/organizations")[1]] == ["local"]
    assert rest.call("GET", "/organizations/other/builds")[:2] == (404, {"message": "No organization found"})


def test_a_build_is_created_listed_read_and_canceled(desk: Any) -> None:
    rest = desk.rest()
    steps = [{"command": "true", "artifact_paths": ["a/*", "b"]}]
    body = {
        "commit": "HEAD", "branch": "main", "message": "m", "repository": "/r.git", "author": {},
        "env": {"A": "1", "N": 2}, "meta_data": {"k": "v"}, "pipeline": {"steps": steps},
    }  # fmt: skip
    status, build, _ = rest.call("POST", PIPELINE + "/builds", body)
    assert (
        status == 201
        and build["number"] == 1
        and build["state"] == "scheduled"
        and build["env"] == {"A": "1", "N": "2"}
    )
    assert build["meta_data"] == {"k": "v"} and build["finished_at"] is None and build["pull_request"] is None
    (job,) = build["jobs"]
    assert job["type"] == "script" and job["artifact_paths"] == "a/*;b" and job["agent"] is None
    for name in ("url", "web_url"):
        assert build[name].startswith(desk.server.url)
    assert rest.call("GET", PIPELINE + "/builds/1")[1]["job_state_counts"] == {"total": 1, "states": {"scheduled": 1}}
    for path in (PIPELINE + "/builds", ORG + "/builds", "/builds", PIPELINE + "/builds/?state[]=scheduled&branch=main"):
        assert [item["id"] for item in rest.call("GET", path)[1]] == [build["id"]]
    assert rest.call("GET", PIPELINE + "/builds?state=passed")[1] == []
    assert rest.call("GET", PIPELINE + "/builds?state=nonsense")[0] == 400
    status, canceled, _ = rest.call("PUT", PIPELINE + "/builds/1/cancel")
    assert (status, canceled["state"]) == (200, "canceled")
    assert rest.call("PUT", PIPELINE + "/builds/1/cancel")[0] == 422
    status, again, _ = rest.call("PUT", PIPELINE + "/builds/1/rebuild")
    assert again["number"] == 2 and again["rebuilt_from"]["number"] == 1
    status, third, _ = rest.call("POST", PIPELINE + "/builds", {"commit": "abc", "branch": "x"})
    assert status == 201 and third["jobs"][0]["command"] == "true"  # the steps of the last build


def test_builds_that_cannot_be_made(desk: Any) -> None:
    rest = desk.rest()
    status, answer, _ = rest.call("POST", PIPELINE + "/builds", {"branch": "main"})
    assert status == 422 and answer == {
        "message": "Validation Failed",
        "errors": [{"field": "commit", "code": "missing"}],
    }
    whole = {"commit": "HEAD", "branch": "main", "repository": "/r"}
    for change in (
        {},
        {"pipeline": {"steps": [{"x": 1}]}},
        {"pipeline": 5},
        {"env": {"A": {}}},
        {"env": []},
        {"meta_data": {"a": 1}},
    ):
        status, answer, _ = rest.call("POST", PIPELINE + "/builds", {**whole, **change})
        assert status in (400, 422) and answer["message"], change
    assert rest.call("POST", PIPELINE + "/builds", body=b"{")[0] == 400
    assert rest.call("POST", ORG + "/pipelines/no%20slug/builds", {**whole, "pipeline": {"steps": []}})[0] == 422
    assert rest.call("GET", PIPELINE + "/builds/1")[0] == 404
    assert rest.call("GET", PIPELINE + "/builds/99999999999999999999")[0] == 404


def test_a_refused_build_leaves_nothing(desk: Any) -> None:
    rest = desk.rest()
    good = {"commit": "HEAD", "branch": "main", "repository": "/r", "pipeline": {"steps": [{"command": "true"}]}}
    wrong = (
        {"repository": ""}, {"branch": ""}, {"commit": ""}, {"meta_data": {"": "x"}},
        {"meta_data": {"k": "x" * 200_000}}, {"pipeline": {"steps": [{"command": "a", "parallelism": 9999}]}},
        {"pipeline": {"steps": [{"command": "a", "depends_on": "b"}, {"command": "b", "if": "nothing == 1"}]}},
        {"pipeline": {"steps": [{"trigger": "other"}]}},
    )  # fmt: skip
    for change in wrong:
        status, answer, _ = rest.call("POST", PIPELINE + "/builds", {**good, **change})
        assert status in (400, 422), (change, answer)
    assert rest.call("GET", ORG + "/pipelines")[1] == [] and rest.call("GET", "/builds")[1] == []
    assert rest.call("POST", PIPELINE + "/builds", good)[1]["number"] == 1
    for change in wrong[3:]:
        assert rest.call("POST", PIPELINE + "/builds", {**good, "repository": "/other", **change})[0] in (400, 422)
    (pipeline,) = rest.call("GET", ORG + "/pipelines")[1]
    assert pipeline["repository"] == "/r"


def test_form_encoded_curl_calls_are_read_as_json(desk: Any) -> None:
    body = json.dumps({"commit": "HEAD", "branch": "b", "repository": "/r", "pipeline": {"steps": ["wait"]}}).encode()
    status, _, _ = desk.rest().call(
        "POST", PIPELINE + "/builds", body=body, Content_Type="application/x-www-form-urlencoded"
    )
    assert status == 201


def test_pages_link_to_their_neighbours(desk: Any) -> None:
    for _ in range(5):
        desk.build()
    rest = desk.rest()
    seen = []
    path = PIPELINE + "/builds?per_page=2&page=0&branch=main&branch=a%2Cb"
    while path:
        status, listed, headers = rest.call("GET", path)
        seen += [item["number"] for item in listed]
        links = {relation: url for url, relation in re.findall(r'<([^>]*)>; rel="(\w+)"', headers.get("link", ""))}
        assert all(
            url.startswith(desk.server.url) and "branch=a%2Cb" in url and "," not in url for url in links.values()
        )
        path = links["next"].partition("/v2")[2] if "next" in links else ""
    assert seen == [5, 4, 3, 2, 1]
    assert set(links) == {"prev", "first"}
    assert rest.call("GET", PIPELINE + "/builds?page=100")[1] == []
    assert rest.call("GET", PIPELINE + "/builds?page=x")[0] == 400
    assert len(rest.call("GET", PIPELINE + "/builds?per_page=100000")[1]) == 5


def test_a_log_in_its_three_forms(desk: Any) -> None:
    desk.build()
    raw = b"\x1b_bk;t=1700000000000\x07--- \x1b[31mred\x1b[0m <b>\xff\r\nend\r\n"
    job_id = run_job(desk, raw)
    rest = desk.rest()
    for base in (f"{PIPELINE}/builds/1/jobs/{job_id}", f"{ORG}/jobs/{job_id}"):
        status, answer, _ = rest.call("GET", base + "/log")
        assert (answer["size"], answer["content"]) == (len(raw), raw.decode("utf-8", "replace"))
        for path, headers in ((base + "/log.txt", {}), (base + "/log", {"Accept": "text/plain"})):
            assert rest.call("GET", path, **headers)[1] == raw
        status, page, headers = rest.call("GET", base + "/log", Accept="text/html")
        assert b"&lt;b&gt;" in page and b"term-fg31" in page and "sandbox" in headers["content-security-policy"]
        status, part, headers = rest.call("GET", base + "/log.txt", Range="bytes=-5")
        assert (status, part, headers["content-range"]) == (
            206,
            raw[-5:],
            f"bytes {len(raw) - 5}-{len(raw) - 1}/{len(raw)}",
        )
        assert rest.call("GET", base + "/log.txt", Range="bytes=9999-")[0] == 416
        status, _, headers = rest.call("HEAD", base + "/log.txt")
        assert headers["content-length"] == str(len(raw))
    assert rest.call("DELETE", base + "/log")[0] == 204
    assert rest.call("GET", base + "/log.txt")[1] == b""
    assert rest.call("GET", f"{ORG}/jobs/nothing/log")[:2] == (404, {"message": "No job found"})


def test_a_log_is_readable_while_the_job_runs(desk: Any) -> None:
    desk.build()
    job_id, job = desk.running_job()
    desk.log(job, job_id, 1, 0, b"first ")
    desk.log(job, job_id, 3, 12, b"third")
    assert desk.rest().call("GET", f"{ORG}/jobs/{job_id}/log.txt")[1] == b"first "
    desk.log(job, job_id, 2, 6, b"other ")
    assert desk.rest().call("GET", f"{ORG}/jobs/{job_id}/log.txt")[1] == b"first other third"


def test_jobs_are_listed_retried_unblocked_and_canceled(desk: Any) -> None:
    steps = [
        {"command": "a", "key": "a"},
        {"block": "Go?", "fields": [{"text": "Name", "key": "name"}]},
        {"command": "b", "key": "b"},
    ]
    desk.build(*steps)
    job_id = run_job(desk, status="1")
    rest = desk.rest()
    listed = rest.call("GET", PIPELINE + "/builds/1/jobs?per_page=2")[1]
    assert len(listed["items"]) == 2 and listed["links"]["next"]
    rest_of = rest.call("GET", listed["links"]["next"].partition("/v2")[2])[1]
    assert [item["type"] for item in listed["items"] + rest_of["items"]] == ["script", "manual", "script"]
    status, new, _ = rest.call("PUT", f"{PIPELINE}/builds/1/jobs/{job_id}/retry")
    assert status == 200 and new["id"] != job_id
    old = rest.call("GET", f"{ORG}/jobs/{job_id}")[1]
    assert old["retried"] is True and old["retried_in_job_id"] == new["id"] and old["exit_status"] == 1
    assert rest.call("PUT", f"{ORG}/jobs/{job_id}/retry")[0] in (400, 422)
    assert run_job(desk) == new["id"]
    manual = next(job for job in rest.call("GET", PIPELINE + "/builds/1")[1]["jobs"] if job["type"] == "manual")
    assert manual["unblockable"] is True
    assert rest.call("PUT", f"{ORG}/jobs/{job_id}/unblock", {})[0] == 400
    assert rest.call("PUT", f"{ORG}/jobs/{manual['id']}/unblock", {"fields": {"name": "X"}})[1]["state"] == "unblocked"
    assert rest.call("GET", PIPELINE + "/builds/1")[1]["meta_data"]["name"] == "X"
    (last,) = rest.call("GET", PIPELINE + "/builds/1/jobs?step_key=b")[1]["items"]
    assert rest.call("PUT", f"{ORG}/jobs/{last['id']}/reprioritize", {"priority": 5})[1]["priority"] == {"number": 5}
    assert rest.call("PUT", f"{ORG}/jobs/{last['id']}/reprioritize", {"priority": "x"})[0] == 400
    assert rest.call("PUT", f"{ORG}/jobs/{last['id']}/cancel")[1]["state"] == "canceled"
    env = rest.call("GET", f"{ORG}/jobs/{new['id']}/env")[1]["env"]
    assert env["BUILDKITE_COMMAND"] == "a"
    assert b"BUILDKITE_COMMAND=a\n" in rest.call("GET", f"{ORG}/jobs/{new['id']}/env.txt")[1]


def test_agents_are_listed_stopped_paused_and_resumed(desk: Any) -> None:
    rest = desk.rest()
    gone = desk.registered(name="gone")
    gone.call("POST", "/disconnect")
    agent = desk.registered(name="here", meta_data=["queue=q1", "os=linux"])
    (listed,) = rest.call("GET", ORG + "/agents")[1]
    assert listed["name"] == "here" and listed["queue"] == "q1" and listed["meta_data"] == ["queue=q1", "os=linux"]
    assert rest.call("GET", ORG + "/agents?name=other")[1] == []
    path = f"{ORG}/agents/{listed['id']}"
    assert rest.call("PUT", path + "/pause", {"note": "n", "timeout_in_minutes": 7})[0] == 204
    paused = rest.call("GET", path)[1]
    assert paused["paused"] is True and paused["paused_note"] == "n" and paused["paused_timeout_in_minutes"] == 7
    assert rest.call("PUT", path + "/pause", {})[:2] == (422, {"message": "Agent is already paused"})
    assert rest.call("PUT", path + "/resume")[0] == 204
    assert rest.call("PUT", path + "/resume", {})[:2] == (422, {"message": "Agent is not paused"})
    assert rest.call("PUT", path + "/stop", {"force": False})[0] == 204
    assert rest.call("GET", path)[1]["connection_state"] == "stopping"
    agent.call("POST", "/disconnect")
    assert rest.call("PUT", path + "/stop")[:2] == (400, {"message": "Can only stop connected agents"})
    assert rest.call("GET", ORG + "/agents/nothing")[:2] == (404, {"message": "No agent found"})


def test_annotations_are_safe_html(desk: Any) -> None:
    desk.build()
    rest = desk.rest()
    path = PIPELINE + "/builds/1/annotations"
    status, annotation, _ = rest.call(
        "POST", path, {"body": "<script>alert(1)</script> text", "style": "info", "context": "c"}
    )
    assert status == 201 and annotation["priority"] == 3
    rest.call("POST", path, {"body": " more", "append": True, "context": "c"})
    (annotation,) = rest.call("GET", path)[1]
    html, style = annotation["body_html"], annotation["style"]
    assert "<script" not in html and "more" in html and style == "info"
    assert "body_html" not in rest.call("GET", path + "?omit_body=true")[1][0]
    assert rest.call("POST", path, {"style": "info"})[0] == 400
    assert rest.call("GET", path + "?scope=x")[0] == 400
    assert rest.call("DELETE", f"{path}/{annotation['id']}")[0] == 204
    assert rest.call("DELETE", f"{path}/{annotation['id']}")[0] == 404


def test_every_error_has_the_one_shape(desk: Any) -> None:
    rest = desk.rest()
    for method, path in (
        ("GET", "/nowhere"), ("POST", "/access-token"), ("GET", PIPELINE), ("PUT", ORG + "/agents/x/stop"),
        ("GET", PIPELINE + "/builds/a%2Fb"), ("GET", PIPELINE + "/builds/1/jobs/x/log"), ("GET", "/builds?x=%ff"),
    ):  # fmt: skip
        status, answer, headers = rest.call(method, path, Accept="text/html")
        assert status >= 400 and list(answer) == ["message"] and headers["content-type"] == "application/json", path
