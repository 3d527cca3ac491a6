"""Tokens go to the control plane that they are for, and nowhere that an answer of it leads to besides."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.control_plane import FakeControlPlane
from tests.fakes.scripted_server import Answer, ScriptedServer
from tests.whole.running import Start, bkagent


def test_a_redirect_to_another_port_takes_no_token_along(archive: str, tmp_path: Path) -> None:
    with ScriptedServer({"*": Answer(200, {"key": "k", "value": "v"})}) as other, ScriptedServer() as server:
        server.routes["*"] = Answer(307, headers={"Location": other.url + "/v3/jobs/j/data/get"})
        reach = {
            "BUILDKITE_AGENT_ENDPOINT": server.url + "/v3", "BUILDKITE_AGENT_ACCESS_TOKEN": "job-token",
            "BUILDKITE_JOB_ID": "j", "HOME": str(tmp_path),
        }  # fmt: skip
        done = bkagent(archive, "meta-data", "get", "k", cwd=tmp_path, env=reach)
        assert (done.status, done.out) == (0, "v"), done.text
        assert server.seen[0].headers["authorization"] == "Token job-token"
        assert "job-token" not in str([request.headers for request in other.seen])


ENDPOINTS = ["ftp://elsewhere/v3", "file:///etc/passwd", "/v3", "http://", "http://[::1", "https://a b/", "\x1b[2J"]


@pytest.mark.parametrize("answer", ["register", "ping"])
def test_an_invalid_endpoint_is_not_used(plane: FakeControlPlane, start: Start, answer: str) -> None:
    if answer == "register":
        plane.registered["endpoint"] = ENDPOINTS[0]
    else:
        plane.actions += [{"action": "idle", "endpoint": endpoint} for endpoint in ENDPOINTS]
    agent = start("--disconnect-after-job")
    assert plane.wait_for(lambda: any(session["pings"] > len(ENDPOINTS) for session in plane.sessions.values()))
    job = plane.add_job("echo still here")
    assert agent.wait() == 0, agent.said
    assert job.text.endswith("still here\n")
    count = 1 if answer == "register" else len(ENDPOINTS)
    assert agent.said.count("the control plane named an endpoint that cannot be used: ") == count, agent.said
    assert "Traceback" not in agent.said and "\x1b" not in agent.said
