"""Every answer of the Agent API has the types that the reference's agent decodes it into; it gives up on others.

Source: the Go structures of the reference's client, api/*.go. A key may be missing; one without a type is passed over.
"""

import re
from typing import Any, Iterator, Tuple

import pytest

from bkagent.controlplane.plane.plane import Plane
from bkagent.controlplane.plane.timing import timing_of
from bkagent.controlplane.web.agent_api import table
from bkagent.controlplane.web.server import Server
from tests.controlplane_http.conftest import Client, Desk

WHOLE, COUNT, TIME = "a whole number of 64 bits", "a whole number from 0", "a time of RFC 3339"
TEXTS = {"": str}
FORM = {
    "action": {"url": str, "method": str, "path": str, "file_input": str, "part_number": WHOLE}, "actions": [dict],
    "data": TEXTS,
}  # fmt: skip
JOB = {
    "id": str, "endpoint": str, "state": str, "env": TEXTS, "step": dict, "matrix_permutation": TEXTS,
    "chunks_max_size_bytes": COUNT, "chunks_interval_seconds": WHOLE, "log_max_size_bytes": COUNT, "token": str,
    "exit_status": str, "signal": str, "signal_reason": str, "started_at": str, "finished_at": str, "runnable_at": str,
    "chunks_failed_count": WHOLE, "traceparent": str, "tracestate": str, "priority": WHOLE,
}  # fmt: skip
REGISTERED = {
    "id": str, "name": str, "access_token": str, "endpoint": str, "request_headers": TEXTS, "ping_interval": WHOLE,
    "job_status_interval": WHOLE, "heartbeat_interval": WHOLE, "meta_data": [str], "tracing": dict,
}  # fmt: skip
PING = {"action": str, "message": str, "job": JOB, "endpoint": str, "request_headers": TEXTS}
BATCH = {"id": str, "artifact_ids": [str], "upload_instructions": FORM, "per_artifact_instructions": {"": FORM}}
ARTIFACT = {
    "id": str, "path": str, "absolute_path": str, "glob_path": str, "file_size": WHOLE, "sha1sum": str,
    "sha256sum": str, "job_id": str, "created_at": TIME, "url": str, "upload_destination": str, "content_type": str,
}  # fmt: skip
IDENTITY = dict.fromkeys(
    (
        "uuid", "description", "token_type", "organization_slug", "organization_uuid", "cluster_uuid", "cluster_name",
        "organization_queue_uuid", "organization_queue_key",
    ), str,
)  # fmt: skip
UPLOAD, VALUE, EXISTS = {"state": str, "message": str}, {"key": str, "value": str}, {"exists": bool}
# What the client decodes; of the other answers it looks at the status alone.
DECODED = {
    "POST /v3/register": REGISTERED, "GET /v3/token": IDENTITY, "GET /v3/ping": PING,
    "POST /v3/heartbeat": {"sent_at": str, "received_at": str},
    "PUT /v3/jobs/{id}/accept": JOB, "PUT /v3/jobs/{id}/acquire": JOB, "GET /v3/jobs/{id}": {"state": str},
    "POST /v3/jobs/{id}/data/get": VALUE, "POST /v3/builds/{id}/data/get": VALUE,
    "POST /v3/jobs/{id}/data/exists": EXISTS, "POST /v3/builds/{id}/data/exists": EXISTS,
    "POST /v3/jobs/{id}/data/keys": [str], "POST /v3/builds/{id}/data/keys": [str],
    "POST /v3/jobs/{id}/artifacts": BATCH, "GET /v3/builds/{id}/artifacts/search": [ARTIFACT],
    "POST /v3/jobs/{id}/pipelines": UPLOAD, "GET /v3/jobs/{id}/pipelines/{uuid}": UPLOAD,
    "POST /v3/steps/{step}/export": {"output": str}, "POST /v3/steps/{step}/cancel": {"uuid": str},
    "POST /v3/builds/{id}/cancel": {"uuid": str},
}  # fmt: skip
NOT_DECODED = {
    "GET /v3", "POST /v3/connect", "POST /v3/disconnect", "POST /v3/stop", "POST /v3/pause", "POST /v3/resume",
    "PUT /v3/jobs/{id}/start", "PUT /v3/jobs/{id}/finish", "POST /v3/jobs/{id}/chunks",
    "POST /v3/jobs/{id}/header_times", "POST /v3/jobs/{id}/data/set", "POST /v3/jobs/{id}/data/set-batch",
    "POST /v3/jobs/{id}/annotations", "DELETE /v3/jobs/{id}/annotations/{context}", "PUT /v3/jobs/{id}/artifacts",
    "PUT /v3/steps/{step}", "PUT /v3/jobs/{id}", "PUT /v3/jobs/{id}/promise_failure",
}  # fmt: skip
# Answered with a refusal alone: this control plane does not have them.
NEVER_ANSWERED = {
    "GET /v3/jobs/{id}/secrets", "POST /v3/jobs/{id}/oidc/tokens", "POST /v3/jobs/{id}/repository_access_token",
    "GET /v3/cache_registries/{registry}", "POST /v3/cache_registries/{registry}/{action}",
    "PUT /v3/cache_registries/{registry}/{action}",
}  # fmt: skip


def misfits(value: Any, form: Any, place: str = "the answer") -> "Iterator[str]":
    """Yield a sentence for each value that Go does not decode into the type of its place."""
    if value is None:
        return
    if isinstance(form, str):
        fits = re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z$", str(value)) if form == TIME else type(value) is int
        low, high = (0, (1 << 64) - 1) if form == COUNT else (-(1 << 63), (1 << 63) - 1)
        if not fits or (type(value) is int and not low <= value <= high):
            yield f"{place}: {value!r} is not {form}"
    elif isinstance(form, list):
        if not isinstance(value, list):
            yield f"{place}: {value!r} is no list"
            return
        for number, item in enumerate(value):
            yield from misfits(item, form[0], f"{place}[{number}]")
    elif isinstance(form, dict):
        if not isinstance(value, dict):
            yield f"{place}: {value!r} is no object"
            return
        for name, item in value.items():
            # Go takes a key for a field whatever its letters' case.
            inner = form.get("") or form.get(name.lower())
            if inner is not None:
                yield from misfits(item, inner, f"{place}.{name}")
    elif type(value) is not form:
        yield f"{place}: {value!r} is not {form.__name__}"


def test_every_call_has_a_type() -> None:
    routes = {f"{method} {pattern}" for method, pattern, _, _ in table.ROUTES if not pattern.startswith("/-/")}
    assert routes == set(DECODED) | NOT_DECODED | NEVER_ANSWERED


def calls(desk: Desk) -> "Iterator[Tuple[str, Any]]":
    """Make every call that is answered with something to decode; yield its route and the answer."""
    matrix = {"setup": {"a": [1]}, "adjustments": [{"with": {"a": 1}}]}
    step = {"command": "c", "key": "k", "matrix": matrix, "priority": -3, "env": {"A": 1}}
    step["plugins"] = [{"p": {"n": 1e300}}]
    build = desk.build(step, {"command": "other", "key": "other"}, env={"B": 2.5}, meta_data={"m": "1"})
    registered = desk.agent(desk.plane.tokens.agent).call("POST", "/register", {"name": "a", "meta_data": ["*"]})
    yield "POST /v3/register", registered
    yield "GET /v3/token", desk.agent(desk.plane.tokens.agent).call("GET", "/token")
    agent = desk.agent(registered[1]["access_token"])
    assert agent.call("POST", "/connect")[0] == 200
    yield "POST /v3/heartbeat", agent.call("POST", "/heartbeat", {"sent_at": "2026-01-01T00:00:00Z"})
    ping = agent.call("GET", "/ping")
    yield "GET /v3/ping", ping
    job_id = ping[1]["job"]["id"]
    accepted = agent.call("PUT", f"/jobs/{job_id}/accept")
    yield "PUT /v3/jobs/{id}/accept", accepted
    yield "PUT /v3/jobs/{id}/acquire", agent.call("PUT", f"/jobs/{job_id}/acquire")
    job = desk.agent(accepted[1]["token"])
    assert job.call("PUT", f"/jobs/{job_id}/start", {})[0] == 200
    yield "GET /v3/jobs/{id}", job.call("GET", f"/jobs/{job_id}")
    yield from of_running(job, job_id, build.id)


def of_running(job: Client, job_id: str, build_id: str) -> "Iterator[Tuple[str, Any]]":
    for kind, id in (("jobs", job_id), ("builds", build_id)):
        for word in ("get", "exists", "keys"):
            yield f"POST /v3/{kind}/{{id}}/data/{word}", job.call("POST", f"/{kind}/{id}/data/{word}", {"key": "m"})
    batch = {"id": "b", "artifacts": [{"path": "a.txt", "file_size": 3}]}
    created = job.call("POST", f"/jobs/{job_id}/artifacts", batch)
    yield "POST /v3/jobs/{id}/artifacts", created
    states = {"artifacts": [{"id": created[1]["artifact_ids"][0], "state": "error"}]}
    assert job.call("PUT", f"/jobs/{job_id}/artifacts", states)[0] == 200
    search = job.call("GET", f"/builds/{build_id}/artifacts/search?query=*&state=error")
    assert len(search[1]) == 1
    yield "GET /v3/builds/{id}/artifacts/search", search
    upload = {"uuid": "u", "pipeline": {"steps": ["wait"]}}
    yield "POST /v3/jobs/{id}/pipelines", job.call("POST", f"/jobs/{job_id}/pipelines?async=true", upload)
    yield "GET /v3/jobs/{id}/pipelines/{uuid}", job.call("GET", f"/jobs/{job_id}/pipelines/u")
    for attribute in ("", "priority", "env", "state", "parallelism", "command"):
        answer = job.call("POST", "/steps/k/export", {"build_id": build_id, "attribute": attribute})
        if attribute != "priority":
            yield "POST /v3/steps/{step}/export", answer
    yield "POST /v3/steps/{step}/cancel", job.call("POST", "/steps/other/cancel", {"build_id": build_id})
    yield "POST /v3/builds/{id}/cancel", job.call("POST", f"/builds/{build_id}/cancel")


def test_every_answer_has_its_types(desk: Desk) -> None:
    seen = set()
    for route, (status, answer, headers) in calls(desk):
        assert 200 <= status < 300, (route, answer)
        assert headers["content-type"] == "application/json", route
        assert list(misfits(answer, DECODED[route])) == [], route
        seen.add(route)
    assert seen == set(DECODED)


@pytest.mark.parametrize("lost_after_s", [10.0, 10.5, 17.3, 47.0, 180.0, 3600.0])
def test_intervals_are_whole_whatever_the_silence_that_an_agent_may_keep(tmp_path: Any, lost_after_s: float) -> None:
    plane = Plane.open(str(tmp_path / "data"), timing=timing_of(lost_after_s), ticking=False)
    server = Server(plane, "127.0.0.1", 0, lambda level, text: None)
    server.start()
    try:
        client = Client(int(server.url.rpartition(":")[2]), "/v3", f"Token {plane.tokens.agent}")
        status, answer, _ = client.call("POST", "/register", {"name": "a", "meta_data": []})
    finally:
        server.stop()
        plane.close()
    assert status == 200 and list(misfits(answer, REGISTERED)) == []
    for name in ("ping_interval", "job_status_interval", "heartbeat_interval"):
        assert 1 <= answer[name] <= lost_after_s / 3
