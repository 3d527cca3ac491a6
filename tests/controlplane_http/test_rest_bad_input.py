"""Every request of the REST API with wrong types, sizes, encodings and paths: no fault of the server, always JSON."""

import http.client
import json
import random
import re
from typing import Any, Callable, Dict, List
from urllib.parse import quote

import pytest

from bkagent.controlplane.web.rest_api import _MODULES, identity

TEXTS = (
    "", "a", "\0", "\ud800", "é" * 50, "a" * 5000, "../..", "%2e", "-1", "0", "9" * 30, "null", "[a-z]", "*", "(a+)+$",
    "a;b,c", "\r\nX: y", "2020-01-01", "2020-13-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "NaN", "steps: [",
    "steps: [{command: a}]", "&a *a", "failed,soft_failed", "finished", "١٢",
)  # fmt: skip
NUMBERS = (0, 1, -1, 2**31, 2**64, 10**400, 1.5, float("nan"), float("inf"), True, False, None)
KEYS = (
    "name", "slug", "repository", "configuration", "steps", "tags", "default_branch", "branch_configuration", "env",
    "meta_data", "commit", "branch", "message", "author", "pull_request_id", "pull_request_labels", "pipeline",
    "clean_checkout", "fields", "unblocker", "priority", "states", "force", "note", "timeout_in_minutes", "body",
    "context", "style", "append", "visibility", "cluster_id",
)  # fmt: skip
PARAMETERS = (
    "page", "per_page", "state[]", "branch", "commit[]", "creator", "created_from", "finished_from", "meta_data[k]",
    "meta_data[", "scope", "after", "path", "name", "version", "job_states[]", "exclude_jobs", "odd",
)  # fmt: skip
BODIES = (b"{", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 5000, b"nul", b"", b'"\\ud800"', b"1" * 5000)
RANGES = ("bytes=-5", "bytes=0-", "bytes=5-1", "x", "bytes=99999999999999999999-", "bytes=0-1,2-3", "bytes=-0")


def anything(chance: random.Random, depth: int = 0) -> Any:
    """Return a value of any type of JSON."""
    makers: List[Callable[[], Any]] = [
        lambda: chance.choice(TEXTS),
        lambda: chance.choice(NUMBERS),
        lambda: [anything(chance, depth + 1) for _ in range(chance.randrange(4))],
        lambda: {chance.choice(TEXTS): anything(chance, depth + 1) for _ in range(chance.randrange(4))},
        lambda: [{"type": "script", "command": "a", chance.choice(KEYS): anything(chance, depth + 1)}],
    ]
    return chance.choice(makers if depth < 3 else makers[:2])()


def encoded(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def body_of(chance: random.Random) -> bytes:
    if chance.random() < 0.1:
        return chance.choice(BODIES)
    document: Dict[str, Any] = {"repository": "/r", "configuration": "steps: [{command: a}]", "commit": "HEAD"}
    document.update(name=f"n{chance.random()}", branch="main", body="x")
    for _ in range(chance.randrange(4)):
        document[chance.choice(KEYS)] = anything(chance)
    return json.dumps(document if chance.random() < 0.9 else anything(chance)).encode("ascii")


@pytest.mark.parametrize(
    "seed, count", [(1, 300), *(pytest.param(seed, 4000, marks=pytest.mark.soak) for seed in range(2, 6))]
)
def test_no_request_is_a_fault_of_the_server(desk: Any, seed: int, count: int) -> None:
    chance = random.Random(seed)
    build = desk.build({"command": "true"}, {"block": "b", "fields": [{"text": "T", "key": "t", "format": "[a-z]+"}]})
    job_id, job = desk.running_job()
    desk.log(job, job_id, 1, 0, b"\xff\0--- hi\n" * 10)
    jobs = [job.id for job in desk.plane.jobs.of_build(build.id)]
    known = {"org": ["local"], "pipeline": ["demo"], "number": ["1", "2"], "job": jobs}
    known["agent"] = [agent.id for agent in desk.plane.sessions.find()]
    routes = [(method, pattern) for module in _MODULES for method, pattern, _, _ in module.ROUTES]
    routes += [(method, pattern) for method, pattern, _ in identity.OPEN_ROUTES]
    routes.remove(("DELETE", "/v2/access-token"))

    def segment(match: Any) -> str:
        if chance.random() < 0.85 and match[1] in known:
            return str(chance.choice(known[match[1]]))
        return encoded(chance.choice(TEXTS)) or "x"

    for _ in range(count):
        method, pattern = chance.choice(routes)
        path = re.sub(r"\{(\w+)\}", segment, pattern) + chance.choice(("", "", "", "/", "//", "/%00", "/..", "%"))
        query = [f"{chance.choice(PARAMETERS)}={encoded(chance.choice(TEXTS))}" for _ in range(chance.randrange(4))]
        headers = {"Authorization": f"Bearer {desk.plane.tokens.api}", "Range": chance.choice(RANGES)}
        headers["Accept"] = chance.choice(("application/json", "text/plain", "text/html", "\xff"))
        body = body_of(chance) if method in ("POST", "PUT", "PATCH") else None
        connection = http.client.HTTPConnection("127.0.0.1", desk.port, timeout=30)
        connection.request(method, f"{path}?{'&'.join(query)}", body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        assert answer.status < 500 and b"Traceback" not in content, (method, path, query, body, content)
        if answer.status >= 400 and path.startswith("/v2/"):  # elsewhere are pages
            assert json.loads(content)["message"], (method, path, query, body)
