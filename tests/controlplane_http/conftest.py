"""A served control plane, and plain clients for it: one that speaks as an agent, one as a person's tool."""

import gzip
import http.client
import json
import os
from typing import Any, Dict, Iterator, List, Optional, Tuple

import pytest

from bkagent.controlplane.plane.plane import Plane
from bkagent.controlplane.records import NewBuild
from bkagent.controlplane.web.server import Server

WAIT_S = 20.0
Answered = Tuple[int, Any, Dict[str, str]]


class Client:
    """One kept-alive connection; every call returns (status, document or bytes, headers)."""

    def __init__(self, port: int, prefix: str, authorization: str = "", cookie: str = "") -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
        self.prefix, self.authorization, self.cookie = prefix, authorization, cookie

    def call(
        self, method: str, path: str, document: Any = None, *, body: Optional[bytes] = None, **headers: str
    ) -> Answered:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.authorization:
            sent.setdefault("Authorization", self.authorization)
        if self.cookie:
            sent.setdefault("Cookie", self.cookie)
        if document is not None:
            body = json.dumps(document).encode() + b"\n"
        self.connection.request(method, self.prefix + path, body, sent)
        answer = self.connection.getresponse()
        content = answer.read()
        kind = answer.getheader("Content-Type") or ""
        got = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, json.loads(content) if kind.startswith("application/json") else content, got


class Desk:
    """The served plane of one test."""

    def __init__(self, folder: str, hold_ping_s: float = 0.0) -> None:
        self._cookie = ""
        self.reports: List[Tuple[str, str]] = []
        self.plane = Plane.open(os.path.join(folder, "data"), ticking=False)
        self.server = Server(
            self.plane, "127.0.0.1", 0, lambda level, text: self.reports.append((level, text)), hold_ping_s=hold_ping_s
        )
        self.server.start()
        self.port = int(self.server.url.rpartition(":")[2])

    def agent(self, token: str) -> Client:
        return Client(self.port, "/v3", f"Token {token}" if token else "")

    def rest(self) -> Client:
        return Client(self.port, "/v2", f"Bearer {self.plane.tokens.api}")

    def anyone(self) -> Client:
        """Return the client of somebody who has no token and has not logged in."""
        return Client(self.port, "")

    def page(self) -> Client:
        """Return the client of a person who has logged in."""
        if not self._cookie:
            path = self.server.login_url()[len(self.server.url) :]
            self._cookie = self.anyone().call("GET", path)[2]["set-cookie"].partition(";")[0]
        return Client(self.port, "", cookie=self._cookie)

    def forget_login(self) -> None:
        """Let the next `page` begin a session of its own."""
        self._cookie = ""

    def registered(self, **fields: Any) -> Client:
        """Return the client of an agent that has registered and connected."""
        document = {
            "name": "agent-1",
            "hostname": "host",
            "arch": "amd64",
            "version": "3.137.0",
            "meta_data": [],
            **fields,
        }
        status, answer, _ = self.agent(self.plane.tokens.agent).call("POST", "/register", document)
        assert status == 200, answer
        client = self.agent(answer["access_token"])
        assert client.call("POST", "/connect")[0] == 200
        return client

    def build(self, *steps: Any, **details: Any) -> Any:
        details.setdefault("repository", "/repo.git")
        return self.plane.builds.create(NewBuild("demo", {"steps": list(steps) or [{"command": "true"}]}, **details))

    def running_job(self, agent: Optional[Client] = None) -> Tuple[str, Client]:
        """Return the id of a job that has started and the client with its token."""
        agent = agent or self.registered()
        job_id = agent.call("GET", "/ping")[1]["job"]["id"]
        status, accepted, _ = agent.call("PUT", f"/jobs/{job_id}/accept")
        assert status == 200, accepted
        client = self.agent(accepted["token"])
        assert client.call("PUT", f"/jobs/{job_id}/start", {"started_at": "2026-01-01T00:00:00.123456789Z"})[0] == 200
        return job_id, client

    def log(self, client: Client, job_id: str, sequence: int, offset: int, data: bytes) -> Answered:
        """Send one chunk as agents do."""
        path = f"/jobs/{job_id}/chunks?sequence={sequence}&offset={offset}&size={len(data)}"
        return client.call("POST", path, body=gzip.compress(data), Content_Encoding="gzip", Content_Type="text/plain")


@pytest.fixture
def desk(tmp_path: Any, request: pytest.FixtureRequest) -> Iterator[Desk]:
    new_desk = Desk(str(tmp_path), getattr(request, "param", 0.0))
    yield new_desk
    new_desk.server.stop()
    new_desk.plane.close()
    assert [report for report in new_desk.reports if report[0] in ("error", "warn")] == []
