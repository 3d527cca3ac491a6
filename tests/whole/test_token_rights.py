"""Which token may make which call of the Agent API: every route of the archive's server, with every kind of token."""

from __future__ import annotations

import gzip
import socket
from typing import Any, Dict, Iterator, Tuple

import pytest

from bkagent.controlplane.web.agent_api import table
from tests.whole.agent_caller import WAIT_S, Caller
from tests.whole.running import bkagent
from tests.whole.site import Site

# Kinds of tokens, of a scene with one build of the jobs "own" and "sibling", and another pipeline's with "other".
SESSIONS = {"idle session", "own session"}
RUNNING = {"own job", "sibling job", "other job"}
EVERY = {"none", "wrong", "API", "registration", "ended session", "ended job", *SESSIONS, *RUNNING}
READER = SESSIONS | RUNNING
OWN = {"own session", "own job"}
OWN_BUILD = {*OWN, "sibling job"}

LOG = "/v3/jobs/{own}/chunks?sequence=1&offset=0&size=3"
# A route, a call of it, and the tokens for which it is not refused.
CALLS: "Dict[Tuple[str, str], Tuple[str, Any, set[str]]]" = {
    ("GET", "/v3"): ("/v3", None, EVERY),
    ("POST", "/v3/register"): ("/v3/register", {"name": "x"}, {"registration"}),
    ("GET", "/v3/token"): ("/v3/token", None, {"registration"}),
    ("POST", "/v3/connect"): ("/v3/connect", None, SESSIONS),
    ("POST", "/v3/disconnect"): ("/v3/disconnect", None, {*SESSIONS, "ended session"}),
    ("GET", "/v3/ping"): ("/v3/ping", None, SESSIONS),
    ("POST", "/v3/heartbeat"): ("/v3/heartbeat", {}, SESSIONS),
    ("POST", "/v3/stop"): ("/v3/stop", {}, READER),
    ("POST", "/v3/pause"): ("/v3/pause", {}, READER),
    ("POST", "/v3/resume"): ("/v3/resume", {}, READER),
    ("PUT", "/v3/jobs/{id}/accept"): ("/v3/jobs/{own}/accept", None, SESSIONS),
    ("PUT", "/v3/jobs/{id}/acquire"): ("/v3/jobs/{own}/acquire", None, SESSIONS),
    ("PUT", "/v3/jobs/{id}/start"): ("/v3/jobs/{own}/start", {"started_at": ""}, OWN),
    ("PUT", "/v3/jobs/{id}/finish"): ("/v3/jobs/{own}/finish", {"exit_status": "0"}, OWN),
    ("GET", "/v3/jobs/{id}"): ("/v3/jobs/{own}", None, OWN),
    ("PUT", "/v3/jobs/{id}"): ("/v3/jobs/{own}", {"timeout_in_minutes": "1"}, OWN),
    ("PUT", "/v3/jobs/{id}/promise_failure"): ("/v3/jobs/{own}/promise_failure", {"exit_status": 1}, OWN),
    ("POST", "/v3/jobs/{id}/chunks"): (LOG, b"abc", OWN),
    ("POST", "/v3/jobs/{id}/header_times"): ("/v3/jobs/{own}/header_times", {"header_times": {"0": "now"}}, OWN),
    ("POST", "/v3/jobs/{id}/data/set"): ("/v3/jobs/{own}/data/set", {"key": "k", "value": "v"}, OWN_BUILD),
    ("POST", "/v3/jobs/{id}/data/set-batch"): (
        "/v3/jobs/{own}/data/set-batch", {"items": [{"key": "k", "value": "v"}]}, OWN_BUILD,
    ),
    ("POST", "/v3/jobs/{id}/data/get"): ("/v3/jobs/{own}/data/get", {"key": "k"}, READER),
    ("POST", "/v3/jobs/{id}/data/exists"): ("/v3/jobs/{own}/data/exists", {"key": "k"}, READER),
    ("POST", "/v3/jobs/{id}/data/keys"): ("/v3/jobs/{own}/data/keys", None, READER),
    ("POST", "/v3/builds/{id}/data/get"): ("/v3/builds/{build}/data/get", {"key": "k"}, READER),
    ("POST", "/v3/builds/{id}/data/exists"): ("/v3/builds/{build}/data/exists", {"key": "k"}, READER),
    ("POST", "/v3/builds/{id}/data/keys"): ("/v3/builds/{build}/data/keys", None, READER),
    ("POST", "/v3/jobs/{id}/annotations"): ("/v3/jobs/{own}/annotations", {"body": "note"}, OWN_BUILD),
    ("DELETE", "/v3/jobs/{id}/annotations/{context}"): ("/v3/jobs/{own}/annotations/default", None, OWN_BUILD),
    ("POST", "/v3/jobs/{id}/artifacts"): ("/v3/jobs/{own}/artifacts", {"artifacts": [{"path": "a"}]}, OWN),
    ("PUT", "/v3/jobs/{id}/artifacts"): ("/v3/jobs/{own}/artifacts", {"artifacts": []}, OWN),
    ("GET", "/v3/builds/{id}/artifacts/search"): ("/v3/builds/{build}/artifacts/search?query=*", None, READER),
    ("POST", "/v3/jobs/{id}/pipelines"): (
        "/v3/jobs/{own}/pipelines", {"uuid": "u", "pipeline": {"steps": [{"command": "x"}]}}, OWN,
    ),
    ("GET", "/v3/jobs/{id}/pipelines/{uuid}"): ("/v3/jobs/{own}/pipelines/u", None, OWN),
    ("POST", "/v3/steps/{step}/export"): ("/v3/steps/own/export", {"build_id": "{build}"}, READER),
    ("PUT", "/v3/steps/{step}"): (
        "/v3/steps/own", {"build_id": "{build}", "attribute": "priority", "value": "1"}, OWN_BUILD,
    ),
    ("POST", "/v3/steps/{step}/cancel"): ("/v3/steps/own/cancel", {"build_id": "{build}"}, OWN_BUILD),
    ("POST", "/v3/builds/{id}/cancel"): ("/v3/builds/{build}/cancel", None, OWN_BUILD),
    ("GET", "/v3/jobs/{id}/secrets"): ("/v3/jobs/{own}/secrets?key=K", None, OWN),
    ("POST", "/v3/jobs/{id}/oidc/tokens"): ("/v3/jobs/{own}/oidc/tokens", {}, OWN),
    ("POST", "/v3/jobs/{id}/repository_access_token"): ("/v3/jobs/{own}/repository_access_token", {}, OWN),
    ("GET", "/v3/cache_registries/{registry}"): ("/v3/cache_registries/~", None, READER),
    ("POST", "/v3/cache_registries/{registry}/{action}"): ("/v3/cache_registries/~/commit", {}, READER),
    ("PUT", "/v3/cache_registries/{registry}/{action}"): ("/v3/cache_registries/~/store", {}, READER),
    # These need their URL, whatever the token.
    ("POST", "/-/uploads/{id}/{ticket}"): ("/-/uploads/{artifact}/wrong", b"x", set()),
    ("POST", "/-/uploads/{id}/{batch}/{ticket}"): ("/-/uploads/{own}/batch/wrong", b"x", set()),
    ("GET", "/-/artifacts/{id}/{until}/{ticket}"): ("/-/artifacts/{artifact}/99999999999/wrong", None, set()),
}  # fmt: skip
STEPS = ({"command": "a", "key": "own"}, {"command": "b", "key": "sibling"})


class Scene:
    """A build whose two jobs run, another pipeline's build whose job runs, a job and a session that have ended."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.build, self.other = caller.build("app", *STEPS), caller.build("other", {"command": "c", "key": "other"})
        own, sibling = (job["id"] for job in self.build["jobs"])
        session, gone = caller.session(), caller.session()
        (over,) = (job["id"] for job in caller.build("other", {"command": "d"})["jobs"])
        self.names = {"own": own, "sibling": sibling, "build": self.build["id"], "artifact": "nothing"}
        self.names.update(other=self.other["jobs"][0]["id"], otherbuild=self.other["id"], over=over)
        self.tokens = {
            "none": "", "wrong": "bkaj_x_y", "API": caller.api, "registration": caller.registration,
            "idle session": caller.session(), "own session": session, "own job": caller.begin(own, session),
            "sibling job": caller.begin(sibling, caller.session()),
            "other job": caller.begin(self.names["other"], caller.session()), "ended session": gone,
            "ended job": caller.begin(over, gone),
        }  # fmt: skip
        caller.finish(over, self.tokens["ended job"])
        assert caller.call("POST", "/v3/disconnect", gone)[0] == 200
        assert set(self.tokens) == EVERY

    def call(self, route: Tuple[str, str], kind: str) -> int:
        path, content, _ = CALLS[route]
        more = {"body": content} if isinstance(content, bytes) else {"document": self._filled(content)}
        return self.caller.call(route[0], path.format(**self.names), self.tokens[kind], **more)[0]

    def _filled(self, content: Any) -> Any:
        if not isinstance(content, dict):
            return content
        return {key: self.names["build"] if value == "{build}" else value for key, value in content.items()}


@pytest.fixture(scope="module")
def site(archive: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(archive, tmp_path_factory.mktemp("rights")) as running:
        yield running


@pytest.fixture(scope="module")
def caller(site: Site) -> Caller:
    return Caller(site)


def test_every_route_has_its_row() -> None:
    assert set(CALLS) == {(method, pattern) for method, pattern, _, _ in table.ROUTES}


def test_every_other_token_is_refused_and_changes_nothing(caller: Caller) -> None:
    scene = Scene(caller)
    before = caller.shown(scene.build), caller.shown(scene.other)
    accepted = [
        (route, kind)
        for route, (_, _, allowed) in CALLS.items()
        for kind in EVERY - allowed
        if scene.call(route, kind) not in ((401, 403, 404) if route[1].startswith("/-/artifacts") else (401, 403))
    ]
    assert accepted == []
    assert (caller.shown(scene.build), caller.shown(scene.other)) == before
    for build in (scene.build, scene.other):
        assert caller.shown(build, "/annotations") == caller.shown(build, "/artifacts") == []
    assert caller.shown(scene.build, f"/jobs/{scene.names['own']}/log")["content"] == ""


def test_the_right_tokens_are_good(caller: Caller) -> None:
    scene = Scene(caller)
    last = ("cancel", "finish", "disconnect")  # these end what the other calls need
    routes = sorted(CALLS, key=lambda route: max((route[1].endswith(end), at) for at, end in enumerate(last)))
    statuses = {(route, kind): scene.call(route, kind) for route in routes for kind in sorted(CALLS[route][2])}
    assert {call: status for call, status in statuses.items() if status in (401, 403) or status >= 500} == {}


def test_a_token_writes_into_its_own_build_only(caller: Caller) -> None:
    scene = Scene(caller)
    own, names = scene.tokens["own job"], scene.names
    announced = {"artifacts": [{"path": "genuine", "file_size": 1}]}
    batch = caller.call("POST", f"/v3/jobs/{names['other']}/artifacts", scene.tokens["other job"], announced)[1]
    (genuine,) = batch["artifact_ids"]
    failed = {"artifacts": [{"id": genuine, "state": "error"}]}
    for target in ("other", "over"):
        for method, path, document in (
            ("POST", "data/set", {"key": "k", "value": "planted"}),
            ("POST", "data/set-batch", {"items": [{"key": "k", "value": "planted"}]}),
            ("POST", "annotations", {"body": "planted"}),
            ("DELETE", "annotations/default", None),
            ("POST", "artifacts", {"artifacts": [{"path": "planted"}]}),
            ("PUT", "artifacts", failed),
        ):
            assert caller.call(method, f"/v3/jobs/{names[target]}/{path}", own, document)[0] == 403, (target, path)
    assert caller.call("PUT", f"/v3/jobs/{names['sibling']}/artifacts", own, failed)[0] == 403
    mine = {"body": "x", "scope": "job"}
    assert caller.call("POST", f"/v3/jobs/{names['sibling']}/annotations", own, mine)[0] == 403
    assert caller.call("POST", f"/v3/jobs/{names['own']}/annotations", own, mine)[0] == 201
    assert [artifact["state"] for artifact in caller.shown(scene.other, "/artifacts")] == ["new"]
    assert caller.shown(scene.other, "/annotations") == [] and caller.shown(scene.other)["meta_data"] == {}
    # Reading others is part of the work: `meta-data get --build`, `artifact download --build`, `step get --build`.
    found = f"/v3/builds/{names['otherbuild']}/artifacts/search?query=*&state=new"
    assert [artifact["id"] for artifact in caller.call("GET", found, own)[1]] == [genuine]


def test_a_build_is_changed_by_its_own_jobs_only(caller: Caller) -> None:
    scene = Scene(caller)
    for kind in ("idle session", "own session", "own job"):
        token, other = scene.tokens[kind], scene.names["otherbuild"]
        document = {"build_id": other, "attribute": "priority", "value": "1"}
        assert caller.call("POST", f"/v3/builds/{other}/cancel", token)[0] == 403
        assert caller.call("POST", "/v3/steps/other/cancel", token, document)[0] == 403
        assert caller.call("PUT", "/v3/steps/other", token, document)[0] == 403
    assert caller.shown(scene.other)["state"] == "running"
    assert caller.call("POST", f"/v3/builds/{scene.names['build']}/cancel", scene.tokens["own session"])[0] == 200


def test_a_session_acquires_only_what_its_tags_suit(caller: Caller) -> None:
    steps = ({"command": "a", "agents": {"queue": "far"}}, {"command": "b", "agents": {"os": "linux"}})
    far, linux = (job["id"] for job in caller.build("app", *steps)["jobs"])
    status, answer = caller.call("PUT", f"/v3/jobs/{far}/acquire", caller.session("os=linux"))
    assert (status, answer["message"]) == (422, "the job is for agents with other tags: queue=far")
    status, answer = caller.call("PUT", f"/v3/jobs/{linux}/acquire", caller.session("queue=far"))
    assert (status, answer["message"]) == (422, "the job is for agents with other tags: os=linux, queue=default")
    assert caller.begin(far, caller.session("queue=far"))
    leaving = caller.session("os=linux")
    assert caller.call("POST", "/v3/stop", leaving, {})[0] == 204
    assert caller.call("PUT", f"/v3/jobs/{linux}/acquire", leaving)[0] == 422
    assert caller.begin(linux, caller.session("os=linux"))


def test_an_agent_that_acquires_a_job_of_another_queue_is_told_so(archive: str, site: Site, caller: Caller) -> None:
    (job,) = caller.build("app", {"command": "a", "agents": {"queue": "far"}})["jobs"]
    words = ["start", "--endpoint", site.url + "/v3", "--token", "file://" + site.agent_token, "--no-color"]
    words += ["--build-path", str(site.folder / "b"), "--sockets-path", str(site.folder / "s")]
    done = bkagent(archive, *words, "--acquire-job", job["id"], cwd=site.folder)
    assert done.status == 27, done.text
    assert "the job is for agents with other tags: queue=far" in done.text


def test_a_body_that_comes_after_the_jobs_end_adds_nothing(caller: Caller) -> None:
    """A request that begins while the job runs counts for nothing when its body is whole after the job's end."""
    scene = Scene(caller)
    job, token = scene.names["own"], scene.tokens["own job"]
    body = b'{"key": "k", "value": "late"}'
    head = f"POST /v3/jobs/{job}/data/set HTTP/1.1\r\nHost: x\r\nAuthorization: Token {token}\r\nExpect: 100-continue"
    with socket.create_connection(caller.address, WAIT_S) as slow:
        slow.sendall(f"{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode("ascii"))
        assert slow.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"  # the token is checked, the body awaited
        caller.finish(job, token)
        slow.sendall(body)
        assert slow.recv(100).startswith(b"HTTP/1.1 401 ")
    assert caller.shown(scene.build)["meta_data"] == {}


def test_an_upload_ends_with_its_job(caller: Caller) -> None:
    scene = Scene(caller)
    job, token = scene.names["own"], scene.tokens["own job"]
    announced = {"artifacts": [{"path": "a.txt", "file_size": 1}]}
    batch = caller.call("POST", f"/v3/jobs/{job}/artifacts", token, announced)[1]
    forms = [batch["upload_instructions"], *batch["per_artifact_instructions"].values()]
    caller.finish(job, token)
    field = b'--b\r\nContent-Disposition: form-data; name="path"\r\n\r\na.txt\r\n'
    body = field + b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n--b--\r\n'
    for form in forms:
        kind = {"Content_Type": "multipart/form-data; boundary=b"}
        assert caller.call("POST", form["action"]["path"], body=body, **kind)[0] == 422
    assert caller.call("POST", f"/v3/jobs/{job}/artifacts", token, announced)[0] == 401


def test_a_log_is_whole_in_the_minute_after_the_end(caller: Caller) -> None:
    scene = Scene(caller)
    job, token = scene.names["own"], scene.tokens["own job"]
    caller.finish(job, token)
    path = f"/v3/jobs/{job}/chunks?sequence=1&offset=0&size=3"
    assert caller.call("POST", path, token, body=gzip.compress(b"end"), Content_Encoding="gzip")[0] == 201
    assert caller.shown(scene.build, f"/jobs/{job}/log")["content"] == "end"
