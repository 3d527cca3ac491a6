"""Tokens of the REST API that were created: what each lets its owner do, and until when."""

import re
import time
from typing import Any

import pytest

from bkagent.controlplane.api_tokens import KIND_AGENT, SCOPES, Person
from bkagent.controlplane.errors import NotFound
from bkagent.controlplane.web.rest_api import _MODULES

ORG = "/organizations/local"
ANN = Person("Ann", "ann@example.com")


def client_of(desk: Any, *scopes: str, **details: Any) -> Any:
    """Return a client whose token has these scopes."""
    client = desk.rest()
    _, secret = desk.plane.api_tokens.create("a script", ANN, scopes=scopes, **details)
    client.authorization = f"Bearer {secret}"
    return client


def calls() -> Any:
    """Return every call of the REST API with the scope that it needs."""
    for module in _MODULES:
        for method, pattern, _, scope in module.ROUTES:
            path = re.sub(r"\{(\w+)\}", lambda match: "local" if match[1] == "org" else "1", pattern)
            yield method, path[len("/v2") :], scope


def test_each_call_needs_its_scope(desk: Any) -> None:
    clients = {scope: client_of(desk, scope) for scope in SCOPES}
    clients_without = {scope: client_of(desk, *(other for other in SCOPES if other != scope)) for scope in SCOPES}
    used = set()
    for method, path, scope in calls():
        if not scope:
            continue
        used.add(scope)
        refusal = {"message": f"Your access token doesn't have the {scope} scope"}
        assert clients_without[scope].call(method, path)[:2] == (403, refusal), (method, path)
        assert clients[scope].call(method, path)[0] not in (401, 403, 500), (method, path)
    assert used == set(SCOPES)


def test_what_an_unknown_token_is_told(desk: Any) -> None:
    client = desk.rest()
    client.authorization = "Bearer bkua_" + "0" * 40
    message = (
        "Authentication required. Please supply a valid API Access Token: "
        "https://buildkite.com/docs/apis/rest-api#authentication"
    )
    assert client.call("GET", ORG + "/agents")[:2] == (401, {"message": message})


def test_a_token_describes_and_revokes_itself(desk: Any) -> None:
    expires_at = int(time.time()) + 3600
    client, other = client_of(desk, "read_agents", expires_at=expires_at), client_of(desk, "read_agents")
    token = client.call("GET", "/access-token")[1]
    assert (token["description"], token["scopes"]) == ("a script", ["read_agents"])
    assert token["user"] == {"name": "Ann", "email": "ann@example.com"}
    assert token["expires_at"] == time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(expires_at))
    assert client.call("DELETE", "/access-token")[0] == 204
    assert client.call("GET", ORG + "/agents")[0] == 401 and other.call("GET", ORG + "/agents")[0] == 200
    of_the_server = desk.rest()
    assert of_the_server.call("DELETE", "/access-token")[0] == 204
    assert of_the_server.call("GET", ORG + "/agents")[0] == 401 and desk.rest().call("GET", ORG + "/agents")[0] == 200


def test_a_token_whose_time_is_over(desk: Any) -> None:
    assert client_of(desk, *SCOPES, expires_at=int(time.time()) - 1).call("GET", ORG + "/agents")[0] == 401
    assert client_of(desk, *SCOPES, kind=KIND_AGENT).call("GET", ORG + "/agents")[0] == 401


def test_who_did_what(desk: Any) -> None:
    _, agent_token = desk.plane.api_tokens.create("boxes", ANN, kind=KIND_AGENT)
    status, registered, _ = desk.agent(agent_token).call("POST", "/register", {"name": "a"}, User_Agent="x (linux; a)")
    assert status == 200 and desk.agent(agent_token).call("GET", "/token")[1]["description"] == "boxes"
    agent = desk.agent(registered["access_token"])
    assert agent.call("POST", "/connect")[0] == 200
    rest = client_of(desk, *SCOPES)
    user = rest.call("GET", "/user")[1]
    assert (user["name"], user["email"]) == ("Ann", "ann@example.com")
    shown = rest.call("GET", ORG + "/agents")[1][0]
    assert (shown["creator"], shown["os_id"]) == (user, "linux")
    rest.call("PUT", f"{ORG}/agents/{shown['id']}/pause", {})
    assert rest.call("GET", ORG + "/agents")[1][0]["paused_by"]["name"] == "Ann"
    rest.call("PUT", f"{ORG}/agents/{shown['id']}/resume", {})
    steps = [{"block": "b"}, {"command": "true"}]
    body = {"commit": "HEAD", "branch": "main", "repository": "/r", "pipeline": {"steps": steps}}
    build = rest.call("POST", ORG + "/pipelines/demo/builds", body)[1]
    assert build["creator"] == user
    job = f"{ORG}/jobs/{build['jobs'][0]['id']}"
    message = "Unblocker is not a valid user id for this organization"
    assert rest.call("PUT", job + "/unblock", {"unblocker": "nobody"})[:2] == (422, {"message": message})
    unblocked = desk.rest().call("PUT", job + "/unblock", {"unblocker": user["id"]})[1]
    assert unblocked["unblocked_by"]["name"] == "Ann"
    _, running = desk.running_job(agent)
    shown = rest.call("GET", ORG + "/agents")[1][0]
    assert shown["job"]["build_url"] == build["url"] and shown["job"]["agent"] is None
    assert running.authorization


def test_a_stopping_agent_cannot_be_stopped_again(desk: Any) -> None:
    desk.registered()
    rest = desk.rest()
    path = f"{ORG}/agents/{rest.call('GET', ORG + '/agents')[1][0]['id']}/stop"
    assert rest.call("PUT", path, {"force": False})[0] == 204
    assert rest.call("PUT", path)[:2] == (400, {"message": "Can only stop connected agents"})


@pytest.mark.parametrize("path", [ORG + "/agents", ORG + "/agents/x", "/nowhere", ORG + "/builds?odd=1"])
def test_answers_say_how_many_requests_are_left(desk: Any, path: str) -> None:
    headers = desk.rest().call("GET", path)[2]
    assert (
        headers["ratelimit-scope"] == "rest" and headers["ratelimit-limit"] == headers["ratelimit-remaining"] == "200"
    )
    assert headers["ratelimit-user-scope"] == "rest_user" and 0 < int(headers["ratelimit-reset"]) <= 60


def test_pages_of_other_sites_may_use_the_api_with_a_token(desk: Any) -> None:
    answers = [desk.rest().call("GET", path)[2] for path in ("/meta", ORG + "/agents", ORG + "/agents/x")]
    answers += [desk.anyone().call("GET", "/v2" + ORG)[2], desk.anyone().call("OPTIONS", "/v2" + ORG + "/agents")[2]]
    for headers in answers:
        assert headers["access-control-allow-origin"] == "*" and headers["access-control-expose-headers"] == "Link"
    status, _, preflight = desk.anyone().call("OPTIONS", "/v2" + ORG + "/pipelines/demo")
    assert (status, preflight["access-control-allow-methods"]) == (204, "DELETE, GET, PATCH")
    assert "Authorization" in preflight["access-control-allow-headers"]
    for path in ("/v3", "/", "/-/agents"):
        status, _, headers = desk.page().call("OPTIONS", path)
        assert status == 405 and not any(name.startswith("access-control") for name in headers)


def test_a_token_that_is_revoked_twice_at_once_is_gone(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = desk.plane.api_tokens
    token, _ = tokens.create("short", ANN)
    monkeypatch.setattr(tokens, "created", lambda: [token])  # as it was before the other has removed it
    tokens.revoke(token.id)
    with pytest.raises(NotFound):
        tokens.revoke(token.id)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"id": "../api"}', '{"id": "x", "kind": 1}'])
def test_a_broken_file_among_the_tokens_is_no_token(desk: Any, content: str) -> None:
    client = client_of(desk, "read_agents")
    folder = desk.plane.api_tokens._folder
    with open(folder + "/broken.json", "w") as file:
        file.write(content)
    assert client.call("GET", ORG + "/agents")[0] == 200
    assert len(desk.plane.api_tokens.created()) == 1
