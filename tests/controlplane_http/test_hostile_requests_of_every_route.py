"""Spoilt requests to every route of the server, with every kind of token: never a fault, and nothing is lost."""

from __future__ import annotations

import itertools
import json
import random
import re
import socket
import threading
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest

from bkagent.controlplane.api_tokens import Person
from bkagent.controlplane.records import NewBuild
from bkagent.transport.server.routing import Router
from tests.controlplane_http.conftest import WAIT_S, Client, Desk
from tests.fakes.hostile_requests import SEGMENTS, Headers, Shot, Spoiler

Route = Tuple[str, str]
_FORM = (
    b'--b\r\nContent-Disposition: form-data; name="path"\r\n\r\na.txt\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nabc\r\n--b--\r\n'
)
_PIPELINE = {
    "steps": [
        {"command": "a", "key": "k", "env": {"A": "b"}, "agents": {"queue": "default"}, "plugins": [{"p#v1": {"a": 1}}],
         "retry": {"automatic": [{"exit_status": 1, "limit": 2}], "manual": {"allowed": True}}, "parallelism": 2,
         "artifact_paths": ["a"], "if": "build.branch =~ /^m/", "soft_fail": [{"exit_status": 2}], "priority": 1,
         "timeout_in_minutes": 5, "concurrency": 1, "concurrency_group": "g", "depends_on": [{"step": "c"}]},
        "wait", {"block": "b", "fields": [{"text": "T", "key": "t", "format": "[a-z]+"}], "blocked_state": "failed"},
        {"group": "g", "key": "c", "steps": [{"command": ["a"], "matrix": {"setup": {"x": ["1"]}, "adjustments": []}}]},
    ],
    "env": {"C": "d"}, "agents": {"queue": "default"}, "notify": [{"email": "a@b"}],
}  # fmt: skip
_BUILD = {
    "branch": "main", "commit": "HEAD", "message": "m", "repository": "/r", "env": {"A": "b"}, "meta_data": {"k": "v"},
    "author": {"name": "n", "email": "e"}, "tag": "t", "clean_checkout": True, "pull_request_id": 1,
    "pull_request_base_branch": "m", "pull_request_repository": "/r", "pull_request_labels": ["l"],
    "pipeline": _PIPELINE, "ignore_pipeline_branch_filters": True,
}  # fmt: skip
_NEW_PIPELINE = {
    "name": "N", "slug": "n", "repository": "/r", "configuration": "steps: [{command: a}]", "default_branch": "main",
    "description": "d", "branch_configuration": "main", "emoji": ":a:", "color": "#fff", "tags": ["t"],
    "cluster_id": "c", "visibility": "private", "provider_settings": {}, "env": {"A": "b"},
    "steps": [{"type": "script", "name": "n", "command": "a", "agent_query_rules": ["queue=default"], "env": {"A": "b"},
               "artifact_paths": "a;b", "timeout_in_minutes": 5}, {"type": "waiter"}, {"type": "manual", "label": "b"}],
}  # fmt: skip
_ANNOTATION = {"body": "b", "context": "c", "style": "info", "append": True, "priority": 3, "scope": "build"}
_ARTIFACT = {
    "path": "a.txt", "absolute_path": "/a.txt", "file_size": 3, "sha1sum": "0" * 40, "sha256sum": "0" * 64,
    "content_type": "text/plain", "upload_destination": "", "url": "",
}  # fmt: skip
_KEY, _NO_FIELDS = {"key": "k"}, {"a": 1}
_ORG, _OF_PIPELINE = "/v2/organizations/{org}", "/v2/organizations/{org}/pipelines/{pipeline}"
_OF_BUILD = _OF_PIPELINE + "/builds/{number}"
# What the body of each route of the APIs may hold; a new route belongs in here. Those of pages take forms.
DOCUMENTS: "Dict[Route, Any]" = {
    ("POST", "/v3/register"): {
        "name": "a", "hostname": "h", "os": "l", "arch": "amd64", "version": "3", "build": "1", "pid": 1,
        "priority": "1", "meta_data": ["queue=default", "a=b"], "machine_id": "m", "features": ["f"],
        "script_eval_enabled": True, "ignore_in_dispatches": False,
    },
    ("POST", "/v3/connect"): _NO_FIELDS,
    ("POST", "/v3/disconnect"): _NO_FIELDS,
    ("POST", "/v3/heartbeat"): {"sent_at": "2026-01-01T00:00:00Z"},
    ("POST", "/v3/stop"): {"force": False},
    ("POST", "/v3/pause"): {"note": "n", "timeout_in_minutes": 5},
    ("POST", "/v3/resume"): _NO_FIELDS,
    ("PUT", "/v3/jobs/{id}/accept"): _NO_FIELDS,
    ("PUT", "/v3/jobs/{id}/acquire"): _NO_FIELDS,
    ("PUT", "/v3/jobs/{id}/start"): {"started_at": "2026-01-01T00:00:00.123456789Z"},
    ("PUT", "/v3/jobs/{id}/finish"): {
        "exit_status": "0", "signal": "TERM", "signal_reason": "cancel", "finished_at": "2026-01-01T00:00:01Z",
        "chunks_failed_count": 0, "ignore_agent_in_dispatches": False,
    },
    ("PUT", "/v3/jobs/{id}"): {"timeout_in_minutes": "5"},
    ("PUT", "/v3/jobs/{id}/promise_failure"): {"exit_status": 1},
    ("POST", "/v3/jobs/{id}/chunks"): None,
    ("POST", "/v3/jobs/{id}/header_times"): {"header_times": {"0": "2026-01-01T00:00:00Z", "1": "x"}},
    ("POST", "/v3/jobs/{id}/data/set"): {"key": "k", "value": "v"},
    ("POST", "/v3/jobs/{id}/data/set-batch"): {"items": [{"key": "k", "value": "v"}]},
    ("POST", "/v3/jobs/{id}/data/get"): _KEY,
    ("POST", "/v3/jobs/{id}/data/exists"): _KEY,
    ("POST", "/v3/jobs/{id}/data/keys"): _NO_FIELDS,
    ("POST", "/v3/builds/{id}/data/get"): _KEY,
    ("POST", "/v3/builds/{id}/data/exists"): _KEY,
    ("POST", "/v3/builds/{id}/data/keys"): _NO_FIELDS,
    ("POST", "/v3/jobs/{id}/annotations"): _ANNOTATION,
    ("POST", "/v3/jobs/{id}/artifacts"): {"id": "b1", "upload_destination": "", "artifacts": [_ARTIFACT]},
    ("PUT", "/v3/jobs/{id}/artifacts"): {"artifacts": [{"id": "ARTIFACT", "state": "finished"}]},
    ("POST", "/v3/jobs/{id}/pipelines"): {"uuid": "u", "replace": False, "pipeline": _PIPELINE},
    ("POST", "/v3/steps/{step}/export"): {"build_id": "BUILD", "attribute": "label", "format": "json"},
    ("PUT", "/v3/steps/{step}"): {"build_id": "BUILD", "attribute": "priority", "value": "1", "append": False},
    ("POST", "/v3/steps/{step}/cancel"): {"build_id": "BUILD", "force": True},
    ("POST", "/v3/builds/{id}/cancel"): _NO_FIELDS,
    ("POST", "/v3/jobs/{id}/oidc/tokens"): {"audience": "a", "lifetime": 5, "claims": ["c"]},
    ("POST", "/v3/jobs/{id}/repository_access_token"): {"repository_url": "/r"},
    ("POST", "/v3/cache_registries/{registry}/{action}"): {"key": "k"},
    ("PUT", "/v3/cache_registries/{registry}/{action}"): {"key": "k"},
    ("POST", _ORG + "/pipelines"): _NEW_PIPELINE,
    ("PATCH", _OF_PIPELINE): {name: _NEW_PIPELINE[name] for name in ("configuration", "description", "tags")},
    ("POST", _OF_PIPELINE + "/archive"): _NO_FIELDS,
    ("POST", _OF_PIPELINE + "/unarchive"): _NO_FIELDS,
    ("POST", _OF_PIPELINE + "/builds"): _BUILD,
    ("PUT", _OF_BUILD + "/cancel"): _NO_FIELDS,
    ("PUT", _OF_BUILD + "/rebuild"): _NO_FIELDS,
    ("PUT", _OF_BUILD + "/retry_failed_jobs"): {"states": "failed,soft_failed"},
    ("POST", _OF_BUILD + "/annotations"): _ANNOTATION,
    **{
        (method, job + rest): document
        for job in (_OF_BUILD + "/jobs/{job}", _ORG + "/jobs/{job}")
        for method, rest, document in (
            ("PUT", "/retry", _NO_FIELDS), ("PUT", "/cancel", _NO_FIELDS), ("PUT", "/reprioritize", {"priority": 5}),
            ("PUT", "/unblock", {"fields": {"t": "a"}, "unblocker": None}), ("POST", "/annotations", _ANNOTATION),
        )
    },
    ("PUT", _ORG + "/agents/{agent}/stop"): {"force": False},
    ("PUT", _ORG + "/agents/{agent}/pause"): {"note": "n", "timeout_in_minutes": 5},
    ("PUT", _ORG + "/agents/{agent}/resume"): _NO_FIELDS,
}  # fmt: skip
# Statuses of 500 and more that say what of a request is not supported, or that a client has to come again.
_ANNOUNCED = (501, 503, 505, 507)


class Kept:
    """A build that has ended, with all that belongs to it, and an agent: no request may change them."""

    def __init__(self, desk: Desk) -> None:
        steps = (
            {"command": "a", "key": "s", "label": "kept", "agents": {"queue": "kept"}},
            {"block": "kept?", "key": "ask"},
        )
        self.build = desk.build(*steps, meta_data={"kept": "yes"}, message="kept")
        agent = desk.registered(name="kept", meta_data=["queue=kept"])
        self.job, client = desk.running_job(agent)
        self.token = client.authorization[6:]
        desk.log(client, self.job, 1, 0, b"--- kept\r\nthe log\r\n")
        for path, document in (
            ("data/set", {"key": "set", "value": "é"}), ("annotations", {"body": "*kept*"}),
            ("header_times", {"header_times": {"0": "2026-01-01T00:00:00Z"}}),
        ):  # fmt: skip
            assert client.call("POST", f"/jobs/{self.job}/{path}", document)[0] in (200, 201)
        self.artifact = send_artifact(desk, client, self.job)
        assert client.call("PUT", f"/jobs/{self.job}/finish", {"exit_status": "0"})[0] == 200
        (self.agent,) = (agent.id for agent in desk.plane.sessions.find())

    def shown(self, desk: Desk) -> Any:
        """Return all of it as clients see it, the same at any port."""
        rest, build = desk.rest(), f"/organizations/local/pipelines/demo/builds/{self.build.number}"
        paths = [build, f"{build}/artifacts", f"{build}/annotations", f"{build}/jobs", f"{build}/jobs/{self.job}/log"]
        paths += [f"{build}/jobs/{self.job}/env", f"/organizations/local/agents/{self.agent}"]
        paths += [f"/organizations/local/jobs/{self.job}/log.{kind}" for kind in ("txt", "html")]
        answers = [rest.call("GET", path)[:2] for path in paths]
        url = rest.call("GET", f"{build}/artifacts/{self.artifact}/download")[1]["url"]
        answers.append(desk.anyone().call("GET", url[len(desk.server.url) :])[:2])
        assert [status for status, _ in answers] == [200] * len(answers), answers
        return json.loads(re.sub(r"127\.0\.0\.1:\d+", "HOST", json.dumps(answers, default=repr)))


class Prey:
    """What requests may change or remove, with the tokens for it; made anew once it is worn out."""

    def __init__(self, desk: Desk, number: int) -> None:
        self.pipeline = f"prey-{number}"  # the one before may have been archived or deleted
        fields = [{"text": "T", "key": "t", "format": "[a-z]+"}]
        steps = [
            {"command": "a", "key": "s"}, {"command": "b", "if": "build.branch == 'main'"}, {"command": "c"},
            {"block": "b", "depends_on": [], "fields": fields}, "wait", {"command": "d"},
        ]  # fmt: skip
        self.build = desk.plane.builds.create(NewBuild(self.pipeline, {"steps": steps}, repository="/r"))
        api_token = desk.plane.api_tokens.create("prey", Person("Prey", "prey@example.com"))[1]
        session = desk.registered(name="prey", meta_data=["queue=default"])
        self.jobs = [job.id for job in desk.plane.jobs.of_build(self.build.id)]
        self.job = self.jobs[0]
        self._begin(desk, session, self.jobs[2]).call("PUT", f"/jobs/{self.jobs[2]}/finish", {"exit_status": "1"})
        client = self._begin(desk, session, self.job)
        self.artifact = send_artifact(desk, client, self.job)
        batch = {"id": "b1", "artifacts": [{"path": "a.txt", "file_size": 3}]}
        instructions = client.call("POST", f"/jobs/{self.job}/artifacts", batch)[1]
        forms = [instructions["upload_instructions"], *instructions["per_artifact_instructions"].values()]
        self.paths = [form["action"]["path"] for form in forms]
        agent = next(agent for agent in desk.plane.sessions.find() if agent.name == "prey" and agent.job_id == self.job)
        self.agent = agent.id
        self.steps = [job.step_id for job in desk.plane.jobs.of_build(self.build.id)] + ["s"]
        client.call("POST", f"/jobs/{self.job}/annotations", {"body": "b", "context": "c"})
        client.call("POST", f"/jobs/{self.job}/pipelines", {"uuid": "u", "pipeline": {"steps": [{"command": "e"}]}})
        client.call("POST", f"/jobs/{self.job}/data/set", {"key": "k", "value": "v"})
        path = f"/organizations/local/pipelines/{self.pipeline}/builds/{self.build.number}/annotations"
        self.annotation = desk.rest().call("GET", path)[1][0]["id"]
        self.cluster = desk.rest().call("GET", "/organizations/local/clusters")[1][0]
        path = f"/organizations/local/jobs/{self.job}/artifacts/{self.artifact}/download"
        url = desk.rest().call("GET", path)[1]["url"]
        self.paths.append(url[len(desk.server.url) :])
        self.tokens = {
            "job": client.authorization, "session": session.authorization, "api": f"Bearer {api_token}",
            "registration": f"Token {desk.plane.tokens.agent}",
        }  # fmt: skip

    def _begin(self, desk: Desk, session: Client, job_id: str) -> Client:
        """Let an agent take a job and start it; return the client with the job's token."""
        client = desk.agent(session.call("PUT", f"/jobs/{job_id}/acquire")[1]["token"])
        assert client.call("PUT", f"/jobs/{job_id}/start", {})[0] == 200
        return client


def send_artifact(desk: Desk, client: Client, job_id: str) -> str:
    """Announce an artifact of three bytes as a job does, send them, report it; return its id."""
    batch = client.call("POST", f"/jobs/{job_id}/artifacts", {"artifacts": [{"path": "a.txt", "file_size": 3}]})[1]
    (artifact_id,) = batch["artifact_ids"]
    path = batch["per_artifact_instructions"][artifact_id]["action"]["path"]
    assert desk.anyone().call("POST", path, body=_FORM, Content_Type="multipart/form-data; boundary=b")[0] == 201
    update = {"artifacts": [{"id": artifact_id, "state": "finished"}]}
    assert client.call("PUT", f"/jobs/{job_id}/artifacts", update)[0] == 200
    return str(artifact_id)


class Attack:
    """Sends spoilt requests to every route of a desk, from a seed."""

    def __init__(self, desk: Desk, routes: "List[Route]", seed: int) -> None:
        self.desk, self.routes, self.chance = desk, routes, random.Random(seed)
        self.spoiler, self.kept = Spoiler(self.chance), Kept(desk)
        self._numbers = itertools.count()
        self._renew()

    def _renew(self) -> None:
        self.prey = Prey(self.desk, next(self._numbers))
        self.desk.plane.expiry.tick()
        self.desk.forget_login()
        page = self.desk.page()
        form = self.desk.anyone().call("GET", "/-/login")
        self.cookies = (page.cookie, form[2]["set-cookie"].partition(";")[0])
        self.form_tokens = tuple(_form_token(text) for text in (page.call("GET", "/")[1], form[1]))

    def run(self, count: int) -> None:
        for number in range(count):
            if number % 60 == 59:
                self._renew()
            shot = self.shot()
            status, headers, content = self.fire(shot.to_bytes())
            told = f"request {number}: {shot.to_bytes()[:3000]!r}\nanswer: {status} {headers} {content[:2000]!r}"
            assert status < 500 or status in _ANNOUNCED, told
            assert b"Traceback" not in content and "x-injected" not in headers, told
            is_head = shot.method == "HEAD"
            if "content-length" in headers and not is_head:
                assert len(content) == int(headers["content-length"]), told
            if status >= 400 and headers.get("content-type") == "application/json" and not is_head:
                assert json.loads(content)["message"], told

    def shot(self) -> Shot:
        chance = self.chance
        method, pattern = chance.choice(self.routes)
        is_safe = method == "GET"
        document = DOCUMENTS.get((method, pattern)) if not is_safe else None
        if document is not None:
            text = json.dumps(document).replace('"BUILD"', f'"{self.prey.build.id}"')
            document = json.loads(text.replace('"ARTIFACT"', f'"{self.prey.artifact}"'))
        use_kept = chance.random() < (0.3 if is_safe else 0.1)
        path = re.sub(r"\{(\w+)\}", lambda match: self._segment(pattern, match[1], use_kept), pattern)
        headers = self._authorization(pattern, may_write=is_safe or not use_kept)
        query: "Tuple[Tuple[str, str], ...]" = ()
        body = json.dumps(document).encode() if document is not None else b""
        if pattern.endswith("/chunks"):
            body, query = b"abc", (("sequence", str(chance.randrange(9))), ("offset", "0"), ("size", "3"))
        elif "/-/uploads/" in pattern:
            body, headers = _FORM, headers + (("Content-Type", "multipart/form-data; boundary=b"),)
        elif not is_safe and document is None:
            tokens = f"form_token={chance.choice(self.form_tokens)}&token={self.desk.plane.tokens.api}"
            body = f"{tokens}&note=n&timeout_in_minutes=5&force=true".encode("ascii")
            headers += (("Content-Type", "application/x-www-form-urlencoded"),)
        if pattern.startswith(("/-/uploads", "/-/artifacts")):
            path = chance.choice([path, *self.prey.paths])
        host = ("Host", f"127.0.0.1:{self.desk.port}")
        spoilt = self.spoiler.spoil(Shot(method, path, query, (host, *headers), body), document)
        if use_kept and spoilt.method not in ("GET", "HEAD"):  # it was safe, and is now something else
            spoilt = Shot(method, path, query, (host, *headers), body)
        return spoilt

    def _segment(self, pattern: str, name: str, use_kept: bool) -> str:
        chance, prey, kept = self.chance, self.prey, self.kept
        if chance.random() < 0.06:
            return chance.choice(SEGMENTS)
        if name == "org":
            return "local"
        if name == "job" and pattern.endswith("/unblock") and not use_kept:
            return prey.jobs[3]
        if name == "id":
            name = "build" if "/builds/" in pattern else "artifact" if "/artifacts/" in pattern else "job"
        texts = {
            "pipeline": [prey.pipeline], "number": [str(prey.build.number), prey.build.id], "agent": [prey.agent],
            "job": prey.jobs if chance.random() < 0.5 else [prey.job], "artifact": [prey.artifact], "batch": ["b1"],
            "step": prey.steps, "uuid": ["u"], "context": ["c", "default"], "annotation": [prey.annotation],
            "cluster": [prey.cluster["id"]], "queue": [prey.cluster["default_queue_id"]],
        }  # fmt: skip
        kept_texts = {
            "pipeline": ["demo"], "number": [str(kept.build.number)], "build": [kept.build.id], "job": [kept.job],
            "agent": [kept.agent], "artifact": [kept.artifact],
        }  # fmt: skip
        return chance.choice((kept_texts if use_kept else {}).get(name) or texts.get(name, ["x", prey.build.id]))

    def _authorization(self, pattern: str, *, may_write: bool) -> Headers:
        chance, tokens = self.chance, self.prey.tokens
        useless = ["Token bkaj_x_y", "", "Basic YTpi", tokens["registration"]]
        if not may_write:
            return (("Authorization", chance.choice([*useless, tokens["job"]])),)
        if chance.random() < 0.12:
            ended = f"Token {self.kept.token}"
            return (("Authorization", chance.choice([*useless, ended, *tokens.values()])),)
        if pattern.startswith("/v2"):
            return (("Authorization", tokens["api"]),)
        if pattern.startswith("/v3/register") or pattern == "/v3/token":
            return (("Authorization", tokens["registration"]),)
        if pattern.startswith("/v3"):
            is_job = "/jobs/" in pattern and not pattern.endswith(("accept", "acquire"))
            return (("Authorization", tokens["job" if is_job or chance.random() < 0.3 else "session"]),)
        return (("Cookie", "; ".join(self.cookies)),)

    def fire(self, request: bytes) -> "Tuple[int, Dict[str, str], bytes]":
        """Send bytes; return the status, the headers in lower case, and the content of the answer."""
        with socket.create_connection(("127.0.0.1", self.desk.port), timeout=WAIT_S) as connection:
            try:
                connection.sendall(request)
                connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # answered and closed before all of it was sent
            return _read_answer(connection)


def _form_token(page: bytes) -> str:
    match = re.search(rb'name="form_token" value="([^"]+)"', page)
    assert match, page
    return match[1].decode("ascii")


def _read_answer(connection: socket.socket) -> "Tuple[int, Dict[str, str], bytes]":
    answer = b""
    while True:
        head, end, content = answer.partition(b"\r\n\r\n")
        if end and head.startswith(b"HTTP/1.1 100"):
            answer = content
            continue
        if b"text/event-stream" in head and end:
            break  # it goes on for as long as the client stays
        try:
            block = connection.recv(1 << 16)
        except ConnectionResetError:
            block = b""
        if not block:
            break
        answer += block
    if not answer:
        return 0, {}, b""  # closed, as for a client that has said nothing
    lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:])
    return int(lines[0].split(" ")[1]), headers, content


@pytest.fixture
def routes(monkeypatch: pytest.MonkeyPatch) -> Iterator["List[Route]"]:
    """Yield the list that every route of a server made from now on is added to."""
    recorded: "List[Route]" = []
    add = Router.add

    def record(router: Router, method: str, pattern: str, handler: Any) -> None:
        recorded.append((method, pattern))
        add(router, method, pattern, handler)

    monkeypatch.setattr(Router, "add", record)
    yield recorded


def compare(before: Any, after: Any) -> None:
    for was, now in zip(before, after):
        if isinstance(was[1], dict):
            was, now = (
                {name: part for name, part in each[1].items() if was[1].get(name) != now[1].get(name)}
                for each in (was, now)
            )
        assert was == now, (was, now)


def run_a_build(desk: Desk) -> None:
    """Let a simulated agent run a new build, which passes."""
    agent = desk.registered(name="fresh", meta_data=["queue=fresh"])
    build = desk.build(
        {"command": "a", "agents": {"queue": "fresh"}}, {"wait": None}, {"command": "b", "agents": {"queue": "fresh"}}
    )
    for _ in range(2):
        job_id, client = desk.running_job(agent)
        assert desk.log(client, job_id, 1, 0, b"fresh\n")[0] == 201
        send_artifact(desk, client, job_id)
        assert client.call("PUT", f"/jobs/{job_id}/finish", {"exit_status": "0"})[0] == 200
    path = f"/organizations/local/pipelines/demo/builds/{build.number}"
    assert desk.rest().call("GET", path)[1]["state"] == "passed"


@pytest.mark.parametrize(
    ("seed", "count"), [(1, 1000), *(pytest.param(seed, 10_000, marks=pytest.mark.soak) for seed in range(2, 22))]
)
def test_no_request_is_a_fault_of_the_server(
    routes: "List[Route]", tmp_path: Path, seed: int, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults: List[Any] = []
    monkeypatch.setattr(threading, "excepthook", faults.append)
    desk = Desk(str(tmp_path))
    attack = Attack(desk, list(routes), seed)
    before = attack.kept.shown(desk)
    try:
        attack.run(count)
        assert attack.kept.shown(desk) == before
        run_a_build(desk)
        assert desk.plane.ledger.db.rows("PRAGMA integrity_check") == [("ok",)]
    finally:
        desk.server.stop()
        desk.plane.close()
    assert [report for report in desk.reports if report[0] in ("error", "warn")] == [] and faults == []
    again = Desk(str(tmp_path))
    try:
        assert attack.kept.shown(again) == before
        run_a_build(again)
    finally:
        again.server.stop()
        again.plane.close()


def test_every_route_of_the_apis_with_a_body_has_an_example(routes: "List[Route]", tmp_path: Path) -> None:
    desk = Desk(str(tmp_path))
    desk.server.stop()
    desk.plane.close()
    with_body = {route for route in routes if route[0] in ("POST", "PUT", "PATCH")}
    assert {route for route in with_body if route[1].startswith(("/v2", "/v3"))} == set(DOCUMENTS)
