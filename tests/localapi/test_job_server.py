"""The job's local socket as bytes: who is let in, what is refused before it is read, and in which words."""

from __future__ import annotations

import json
import socket
import sys
from typing import Dict, Iterator, List, Mapping, Sequence, Tuple

import pytest

from bkagent.localapi.job_server import BODY_LIMIT_BYTES, JobServer

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no Unix sockets")
WAIT_S = 30.0
ENV = "/api/current-job/v0/env"


class State:
    """A job with one variable, whose redactor is broken."""

    def env(self) -> Mapping[str, str]:
        return {"A": "1"}

    def set_env(self, changes: Mapping[str, str]) -> "Tuple[Sequence[str], Sequence[str]]":
        return list(changes), []

    def unset_env(self, names: Sequence[str]) -> Sequence[str]:
        return names

    def set_workdir(self, path: str) -> None:
        pass

    def redact(self, secret: str) -> None:
        raise ZeroDivisionError

    def redacted(self, text: str) -> str:
        return text

    def protected(self, name: str, value: object) -> bool:
        return False


class Site:
    """A server, and the token of its job."""

    def __init__(self, folder: str) -> None:
        self.reports: List[str] = []
        self.server = JobServer(folder, State(), None, report=lambda level, text: self.reports.append(text))
        self.path, self.token = self.server.start()

    def connect(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(WAIT_S)
        client.connect(self.path)
        return client

    def ask(self, line: str, body: bytes = b"", token: str = "", **headers: str) -> "Tuple[int, bytes]":
        """Send a request on a connection of its own; return its answer's status and body."""
        fields: Dict[str, str] = {"Host": "job", "Connection": "close", **headers}
        if "Transfer_Encoding" not in headers:
            fields.setdefault("Content-Length", str(len(body)))
        fields["Authorization"] = f"Bearer {token or self.token}"
        head = "".join(f"{name.replace('_', '-')}: {text}\r\n" for name, text in fields.items())
        with self.connect() as client:
            client.sendall(f"{line} HTTP/1.1\r\n{head}\r\n".encode() + body)
            return answer_of(read_all(client))


def read_all(client: socket.socket) -> bytes:
    return b"".join(iter(lambda: client.recv(65536), b""))


def answer_of(data: bytes) -> "Tuple[int, bytes]":
    head, _, body = data.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


@pytest.fixture
def site(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(sys, "excepthook", lambda *about: None)
    running = Site(str(tmp_path))
    yield running
    running.server.stop()


def test_only_the_jobs_token_is_let_in_and_nothing_else_is_read(site: Site) -> None:
    assert site.ask(f"GET {ENV}") == (200, b'{"env":{"A":"1"}}\n')
    refused = site.ask(f"PATCH {ENV}", b"x" * 800_000, token="x")  # and the client reads why
    assert refused == (401, b'{"error":"invalid authorization token"}\n')
    with site.connect() as client:
        client.sendall(f"PATCH {ENV} HTTP/1.1\r\nHost: job\r\nContent-Length: 99\r\n\r\n".encode())
        client.shutdown(socket.SHUT_WR)
        assert answer_of(read_all(client)) == (401, b'{"error":"authorization header is required"}\n')


def test_a_connection_goes_on_with_the_next_request(site: Site) -> None:
    head = f"HTTP/1.1\r\nHost: job\r\nAuthorization: Bearer {site.token}\r\n"
    with site.connect() as client:
        client.sendall(f"GET {ENV} {head}\r\nGET /nowhere {head}Connection: close\r\n\r\n".encode())
        first, second = read_all(client).split(b"HTTP/1.1 ")[1:]
    assert first.startswith(b"200 OK\r\n") and second.startswith(b"404 Not Found\r\n")


def test_what_is_wrong_has_one_form(site: Site) -> None:
    too_long = site.ask(f"PATCH {ENV}", **{"Content-Length": str(BODY_LIMIT_BYTES + 1)})
    assert too_long[0] == 413 and "may have at most" in json.loads(too_long[1])["error"]
    broken = site.ask(f"PATCH {ENV}", b"zz\r\n", Transfer_Encoding="chunked")
    assert broken[0] == 400 and "hexadecimal" in json.loads(broken[1])["error"]
    assert site.ask(f"PUT {ENV}")[0] == 405
    assert site.ask("GET /api/current-job/v0/%ff")[0] == 404
    defect = site.ask("POST /api/current-job/v0/redactions", b'{"redact":"x"}')
    assert defect == (500, b'{"error":"internal error: ZeroDivisionError"}\n')
    assert site.reports == ["POST /api/current-job/v0/redactions on the job's local socket failed by an internal error"]


def test_a_body_may_come_in_chunks(site: Site) -> None:
    body = b'11\r\n{"env":{"B":"2"}}\r\n0\r\n\r\n'
    assert site.ask(f"PATCH {ENV}", body, Transfer_Encoding="chunked") == (200, b'{"added":["B"],"updated":[]}\n')


def test_the_end_waits_for_no_silent_client(site: Site) -> None:
    with site.connect() as client:
        site.server.stop()
        assert client.recv(1) == b""
