"""The Job API request by request: statuses, bodies and sentences, as buildkite-agent 3.137 answers the same bytes.

Differences are declared in docs/differences.md; each has a row here, marked so.
"""

from __future__ import annotations

import json
import os
import re
import sys
from typing import Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

import pytest

from bkagent.localapi.job_server import JobServer
from tests.conftest import TOP
from tests.localapi.test_job_server import Site, answer_of, read_all

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no Unix sockets")
BASE = "/api/current-job/v0"
DECODE = "failed to decode request body: "
PROTECTED = "the following environment variables are protected, and cannot be modified: "
NULLS = (
    "removing environment variables (ie setting them to null) is not permitted on this endpoint. "
    "The following keys were set to null: "
)
POSITIVE = "exit_status must be a positive integer"


class Job:
    """A job that remembers what it is asked; LOCKED is protected."""

    def __init__(self) -> None:
        self.variables: Dict[str, str] = {"A": "1", "LOCKED": "x"}
        self.workdirs: List[str] = []
        self.secrets: List[str] = []

    def env(self) -> Mapping[str, str]:
        return dict(self.variables)

    def set_env(self, changes: Mapping[str, str]) -> "Tuple[Sequence[str], Sequence[str]]":
        added = [name for name in changes if name not in self.variables]
        self.variables.update(changes)
        return added, [name for name in changes if name not in added]

    def unset_env(self, names: Sequence[str]) -> Sequence[str]:
        return [name for name in dict.fromkeys(names) if self.variables.pop(name, None) is not None]

    def set_workdir(self, path: str) -> None:
        self.workdirs.append(path)

    def redact(self, secret: str) -> None:
        self.secrets.append(secret)

    def redacted(self, text: str) -> str:
        return text

    def protected(self, name: str, value: Optional[str]) -> bool:
        return name == "LOCKED"


class Upstream:
    """A control plane that accepts promises below 100, and refuses others for good."""

    def __init__(self) -> None:
        self.bodies: List[object] = []

    def send(self, method: str, path: str, headers: object, body: bytes, timeout_s: float) -> object:
        self.bodies.append(json.loads(body))
        return type("Answer", (), {"status": 200 if json.loads(body)["exit_status"] < 100 else 422})


class JobSite(Site):
    def __init__(self, folder: str) -> None:
        self.job, self.upstream = Job(), Upstream()
        self.server = JobServer(folder, self.job, self.upstream, job_id="j")  # type: ignore[arg-type]
        self.path, self.token = self.server.start()


@pytest.fixture
def site(tmp_path: object) -> Iterator[JobSite]:
    running = JobSite(str(tmp_path))
    yield running
    running.server.stop()


def error(text: str) -> Dict[str, str]:
    return {"error": text}


# What is sent, and what is answered.
ENV = [
    (b'{"env":{"B":"2","A":"3","C":"\\u00e9"}}', 200, {"added": ["B", "C"], "updated": ["A"]}),
    (b"{}", 200, {"added": [], "updated": []}),
    (b"null", 200, {"added": [], "updated": []}),
    (b'{"env":null}', 200, {"added": [], "updated": []}),
    (b'{"other":{"B":1}}', 200, {"added": [], "updated": []}),
    (b'{"ENV":{"B":"1"}}', 200, {"added": ["B"], "updated": []}),
    (b'{"env":{"B":"1","B":"2"}}', 200, {"added": ["B"], "updated": []}),
    (b' {"env":{"B":"1"}} and what follows', 200, {"added": ["B"], "updated": []}),
    (b'{"env":{"B":"1"}}{"env":{"C":"1"}}', 200, {"added": ["B"], "updated": []}),
    (b'{"env":{"B\xff":"\xff"}}', 200, {"added": ["B\ufffd"], "updated": []}),
    (b"", 400, error(DECODE + "EOF")),
    (b"{", 400, error(DECODE + "unexpected EOF")),
    (b'{"env":{"B"', 400, error(DECODE + "unexpected EOF")),
    (b'{"env":{"B":"1"}', 400, error(DECODE + "unexpected EOF")),
    (b'"abc', 400, error(DECODE + "unexpected EOF")),
    (b"nul", 400, error(DECODE + "unexpected EOF")),
    (b"-", 400, error(DECODE + "unexpected EOF")),
    (b"{env:{}}", 400, error(DECODE + "invalid character 'e' looking for beginning of object key string")),
    (b"{'env':{}}", 400, error(DECODE + "invalid character '\\'' looking for beginning of object key string")),
    (b'{"env" {}}', 400, error(DECODE + "invalid character '{' after object key")),
    (b'{"env":{"B":\n}}', 400, error(DECODE + "invalid character '}' looking for beginning of value")),
    (b'{"env":{"B":"1\n"}}', 400, error(DECODE + "invalid character '\\n' in string literal")),
    (b'{"env":{"B":"\\x"}}', 400, error(DECODE + "invalid character 'x' in string escape code")),
    (b'{"env":{"B":null,"A":null,"C":"1"}}', 422, error(NULLS + "[A B]")),
    (b'{"env":{"LOCKED":"1","B":"2"}}', 422, error(PROTECTED + "[LOCKED]")),
    (b'{"env":{"LOCKED":null,"B":null}}', 422, error(PROTECTED + "[LOCKED]")),
    # Declared: words for values of a wrong type; names and values that no process could be given; limits.
    (b"[]", 400, error(DECODE + "it must be a JSON object")),
    (b'{"env":[]}', 400, error(DECODE + "env must be an object of strings")),
    (b'{"env":{"B":1}}', 400, error(DECODE + "env.B must be a string")),
    (b'{"env":{"B=C":"1"}}', 422, error("'B=C' cannot be set: names and values go into a process environment")),
    (b'{"env":{"":"1"}}', 422, error("'' cannot be set: names and values go into a process environment")),
    (b'{"env":{"B":"\\u0000"}}', 422, error("'B' cannot be set: names and values go into a process environment")),
    (b'{"env":{"B":"1"},"env":{"C":"1"}}', 200, {"added": ["C"], "updated": []}),
    (b'{"x":1e999}', 400, error(DECODE + "a number is too large")),
    (b'{"x":' + b"[" * 100_000, 400, error(DECODE + "the JSON text is nested too deeply")),
]
KEYS = [
    (b'{"keys":["A","NONE","A"]}', 200, {"deleted": ["A"]}),
    (b"{}", 200, {"deleted": []}),
    (b"null", 200, {"deleted": []}),
    (b'{"keys":null}', 200, {"deleted": []}),
    (b'{"keys":[null,"A"]}', 200, {"deleted": ["A"]}),
    (b'{"KEYS":["A"]} x', 200, {"deleted": ["A"]}),
    (b'{"keys":["NONE"],"keys":["A"]}', 200, {"deleted": ["A"]}),
    (b"", 400, error(DECODE + "EOF")),
    (b'{"keys":["A"', 400, error(DECODE + "unexpected EOF")),
    (b'{"keys":["A","LOCKED"]}', 422, error(PROTECTED + "[LOCKED]")),
    (b'{"keys":"A"}', 400, error(DECODE + "keys must be a list of strings")),  # declared: the words
    (b'{"keys":[1]}', 400, error(DECODE + "keys must be a list of strings")),
]
WORKDIR = [
    (b'{"workdir":"/no/such"}', 200, {"workdir": "/no/such"}),
    (b'{"WORKDIR":"/tmp","workdir":"/"} x', 200, {"workdir": "/"}),
    (b"{}", 422, error("workdir must not be empty")),
    (b'{"workdir":null}', 422, error("workdir must not be empty")),
    (b'{"workdir":"a\\"b\\\\\\n\\u00e9"}', 422, error('workdir must be an absolute path, got "a\\"b\\\\\\né"')),
    (b'{"workdir":"~"}', 422, error('workdir must be an absolute path, got "~"')),
    (b"", 400, error(DECODE + "EOF")),
    (b'{"workdir":1}', 400, error(DECODE + "workdir must be a string")),  # declared: the words
]
REDACTIONS = [
    (b'{"redact":"secret"}', 201, {"redacted": "secret"}),
    (b'{"redact":""}', 201, {"redacted": ""}),
    (b"{}", 201, {"redacted": ""}),
    (b'{"Redact":"<&>\\ud800"}', 201, {"redacted": "<&>\ufffd"}),
    (b"", 400, error(DECODE + "EOF")),
    (b'{"redact":["x"]}', 400, error(DECODE + "redact must be a string")),  # declared: the words
]
DECLARED = {"outcome": "declared", "accepted": True, "upstream_status": 200}
PROMISES = [
    (b'{"exit_status":1,"reason":"r"}', 200, DECLARED),
    (b'{"EXIT_STATUS":2,"reason":null} x', 200, DECLARED),
    (b"{}", 400, error(POSITIVE)),
    (b'{"exit_status":null}', 400, error(POSITIVE)),
    (b'{"exit_status":0}', 400, error(POSITIVE)),
    (b'{"exit_status":-1}', 400, error(POSITIVE)),
    (b"", 400, error(DECODE + "EOF")),
    # Declared: the words.
    (b'{"exit_status":1.0}', 400, error(DECODE + "exit_status must be a whole number of at most 64 bits")),
    (b'{"exit_status":true}', 400, error(DECODE + "exit_status must be a whole number of at most 64 bits")),
    (
        b'{"exit_status":9223372036854775808}',
        400,
        error(DECODE + "exit_status must be a whole number of at most 64 bits"),
    ),
    (b'{"exit_status":1,"reason":1}', 400, error(DECODE + "reason must be a string")),
]
ROUTES = [
    ("PATCH", "/env", ENV),
    ("DELETE", "/env", KEYS),
    ("PUT", "/workdir", WORKDIR),
    ("POST", "/redactions", REDACTIONS),
    ("POST", "/promise-failure", PROMISES),
]


@pytest.mark.parametrize(
    ("line", "body", "status", "document"),
    [(f"{method} {BASE}{path}", *row) for method, path, rows in ROUTES for row in rows],
)
def test_a_request_is_answered_as_by_the_reference(
    site: JobSite, line: str, body: bytes, status: int, document: object
) -> None:
    before = dict(site.job.variables)
    got = site.ask(line, body)
    assert (got[0], json.loads(got[1])) == (status, document)
    if status >= 400:
        assert (site.job.variables, site.job.workdirs, site.job.secrets) == (before, [], []), "it changed something"


def test_the_page_about_the_job_api_shows_what_is_answered(site: JobSite) -> None:
    with open(os.path.join(TOP, "docs", "job-api.md"), encoding="utf-8") as file:
        rows = re.findall(r"^\| `([A-Z]+) (/api/\S+)` \| (?:`(.*?)`)? ?\| `(.*?)` \|$", file.read(), re.MULTILINE)
    assert len(rows) == 6
    for method, path, body, documented in rows:
        status, answer = site.ask(f"{method} {path}", body.encode())
        assert status in (200, 201) and list(json.loads(answer)) == list(json.loads(documented)), (method, path, answer)


def test_what_was_asked_is_done(site: JobSite) -> None:
    assert site.ask(f"PATCH {BASE}/env", b'{"env":{"B":"a b","A":""}}')[0] == 200
    assert site.ask(f"DELETE {BASE}/env", b'{"keys":["LOCKER","A"]}')[0] == 200
    assert json.loads(site.ask(f"GET {BASE}/env?x=%zz")[1]) == {"env": {"B": "a b", "LOCKED": "x"}}
    site.ask(f"PUT {BASE}/workdir", b'{"workdir":"/w"}')
    site.ask(f"POST {BASE}/redactions", b'{"redact":"s"}')
    assert (site.job.workdirs, site.job.secrets) == (["/w"], ["s"])


def test_a_promise_is_made_once_for_each_status(site: JobSite) -> None:
    line = f"POST {BASE}/promise-failure"
    outcomes = [
        json.loads(site.ask(line, json.dumps({"exit_status": status, "reason": reason}).encode())[1])
        for status, reason in ((3, "one"), (3, "other"), (300, ""), (300, ""))
    ]
    assert [each["outcome"] for each in outcomes] == ["declared", "debounced", "declared", "debounced"]
    assert [each["accepted"] for each in outcomes] == [True, True, False, False]
    assert outcomes[2]["upstream_status"] == 422 and "422" in outcomes[3]["error"]
    assert site.upstream.bodies == [{"exit_status": 3, "reason": "one"}, {"exit_status": 300}]


NONE = b"404 page not found\n"


@pytest.mark.parametrize(
    ("line", "status", "allow", "body"),
    [
        ("HEAD /env", 405, "DELETE, GET, PATCH", b""), ("POST /env", 405, "DELETE, GET, PATCH", b""),
        ("OPTIONS /workdir", 405, "PUT", b""), ("GET /redactions", 405, "POST", b""),
        ("TRACE /promise-failure", 405, "POST", b""), ("FOO /env", 405, "", b""), ("FOO /none", 405, "", b""),
        ("get /env", 405, "", b""), ("GET /env/", 404, "", NONE), ("GET //env", 404, "", NONE),
        ("GET /", 404, "", NONE), ("GET /ENV", 404, "", NONE), ("GET /%65nv", 404, "", NONE),
        ("GET /./env", 404, "", NONE), ("GET ", 404, "", NONE),
    ],
)  # fmt: skip
def test_other_methods_and_paths(site: JobSite, line: str, status: int, allow: str, body: bytes) -> None:
    method, _, path = line.partition(" ")
    with site.connect() as client:
        head = f"Host: job\r\nAuthorization: Bearer {site.token}\r\nConnection: close\r\n"
        client.sendall(f"{method} {BASE}{path} HTTP/1.1\r\n{head}\r\n".encode())
        got = read_all(client)
    lines = got.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    assert answer_of(got) == (status, body)
    assert [line[7:] for line in lines if line.startswith("Allow: ")] == [allow] * bool(allow)
    kind = "application/json" if status == 405 else "text/plain; charset=utf-8"
    assert f"Content-Type: {kind}" in lines


FORM = "invalid authorization header: must be in the form `Bearer <token>`"
KIND = "invalid authorization header: type must be Bearer"
WRONG = "invalid authorization token"


@pytest.mark.parametrize(
    ("authorization", "message"),
    [
        (None, "authorization header is required"), ("", "authorization header is required"), ("TOKEN", FORM),
        ("Bearer", FORM), ("Bearer ", FORM), ("Bearer\tTOKEN", FORM), ("bearer TOKEN", KIND), ("Token TOKEN", KIND),
        ("Basic TOKEN", KIND), ("Bearer  TOKEN", WRONG), ("Bearer TOKENx", WRONG), ("Bearer x", WRONG),
        ("Bearer \xe9", WRONG), ("Bearer TOKEN, Bearer TOKEN", WRONG),
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", [f"{BASE}/env", "/none"])
def test_what_is_no_token_is_refused_before_anything_else(
    site: JobSite, authorization: Optional[str], message: str, path: str
) -> None:
    with site.connect() as client:
        line = "" if authorization is None else f"Authorization: {authorization.replace('TOKEN', site.token)}\r\n"
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: job\r\n{line}\r\n".encode("latin-1"))
        status, body = answer_of(read_all(client))
    assert (status, json.loads(body)) == (401, {"error": message})


@pytest.mark.parametrize("host", ["", "Host: a/b\r\n", "Host: u@h\r\n", "Host: job\r\nHost: evil.example\r\n"])
def test_a_request_names_one_host(site: JobSite, host: str) -> None:
    with site.connect() as client:
        token = f"Authorization: Bearer {site.token}\r\n"
        client.sendall(f"GET {BASE}/env HTTP/1.1\r\n{host}{token}\r\n".encode())
        status, body = answer_of(read_all(client))
    assert status == 400 and "Host header" in json.loads(body)["error"]


def test_any_host_will_do_and_so_will_a_whole_url(site: JobSite) -> None:
    """The token decides, and a socket has no name that a page of a browser could be made to mean."""
    assert site.ask(f"GET http://elsewhere.example:99{BASE}/env", Host="evil.example:1")[0] == 200
