"""What a request can bring to the archive's server is refused, or read in time that grows with its size alone."""

from __future__ import annotations

import gzip
import json
import re
import threading
from typing import Any, Iterator, Tuple

import pytest

from tests.whole.agent_caller import Caller
from tests.whole.site import Site

Job = Tuple[Caller, str, str, Any]  # with its id, its token and its build


@pytest.fixture(scope="module")
def site(archive: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(archive, tmp_path_factory.mktemp("hostile")) as running:
        yield running


@pytest.fixture(scope="module")
def caller(site: Site) -> Caller:
    return Caller(site)


@pytest.fixture(scope="module")
def job(caller: Caller) -> Job:
    build = caller.build("app", {"command": "a"})
    job_id = build["jobs"][0]["id"]
    return caller, job_id, caller.begin(job_id, caller.session()), build


def post(job: Job, path: str, body: bytes, **headers: str) -> Tuple[int, str]:
    """Send a body as the job; return the status and the message of the answer."""
    caller, job_id, token, _ = job
    status, answer = caller.call("POST", f"/v3/jobs/{job_id}/{path}", token, body=body, **headers)
    return status, answer.get("message", "")


def test_a_gzip_body_has_few_members(job: Job) -> None:
    body = gzip.compress(b"", mtime=0) * 50_000 + gzip.compress(b"x")
    answer = post(job, "chunks?sequence=1&offset=0&size=1", body, Content_Encoding="gzip")
    assert answer == (400, "a gzip body may have at most 64 members")


@pytest.mark.parametrize("index", ["9" * 5000, "-1", "1e3", "\u0663", "", "100001"])
def test_an_index_of_header_times_is_a_number_in_bounds(job: Job, index: str) -> None:
    body = json.dumps({"header_times": {index: "2026-01-01T00:00:00Z"}}).encode()
    assert post(job, "header_times", body)[0] == 422


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"key": ' + b"9" * 1_000_000 + b"}", "the body is not valid JSON: a number has more than 400 digits"),
        (b'{"key": 1e999}', "the body is not valid JSON: a number is too large"),
        (b'{"key": ' + b"[" * 400 + b"]" * 400 + b"}", "the JSON text is nested deeper than 128 levels"),
        (b'["\\ud800",' + b"[" * 600 + b"]" * 600 + b"]", "the JSON text is nested deeper than 128 levels"),
        (b"[" * 1_000_000, "the body is not valid JSON: the JSON text is nested too deeply"),
    ],
    ids=["digits", "infinite", "deep", "deep with half a character", "deeper"],
)
def test_json_is_bounded(job: Job, body: bytes, message: str) -> None:
    assert post(job, "data/set", body) == (400, message)


def test_chunks_of_a_body_bring_more_than_they_cost(job: Job) -> None:
    caller, job_id, token, _ = job
    head = {"Transfer-Encoding": "chunked", "Authorization": f"Token {token}"}
    connection = type(caller._connection)(*caller.address, timeout=60)
    many = iter([b" "] * 200_000)
    try:
        connection.request("POST", f"/v3/jobs/{job_id}/data/set", many, head, encode_chunked=True)
    except OSError:
        pass  # refused before all of it was sent
    assert connection.getresponse().status == 400


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ({"command": "x", "if": "build.message =~ /(a|a)*b/"}, "the regular expression took longer than"),
        ({"command": "x", "if": "build.message =~ /^" + "(main|next)" + "-[a-z]*$/"}, ""),
        ({"command": "x", "if": "build.message =~ /" + "[\0-\U0010ffff]" * 300 + "/i"}, "cannot be combined"),
        ({"command": "x", "if": "build.message =~ /" + "a" * 5000 + "/"}, "at most 4000 characters"),
        ({"command": "x", "if": "${X:" + "9" * 5000 + "} == 'a'"}, "is not an expansion"),
        ({"command": "{{matrix}}" * 2000, "matrix": ["x" * 5000]}, "matrix values filled in has more than"),
        ({"command": "x" * 1_000_000, "parallelism": 500}, "take more than 67108864 bytes"),
        ({"command": "x", "parallelism": "9" * 5000}, "parallelism must be"),
    ],
    ids=["group", "usual", "ranges", "long", "digits", "matrix", "copies", "parallelism"],
)  # fmt: skip
def test_a_pipeline_is_worked_out_or_refused(job: Job, step: Any, message: str) -> None:
    caller = job[0]
    document = {
        "branch": "main", "commit": "HEAD", "repository": "/r.git", "message": "a" * 50, "pipeline": {"steps": [step]},
    }  # fmt: skip
    path = "/v2/organizations/local/pipelines/app/builds"
    status, answer = caller.call("POST", path, caller.api, document, scheme="Bearer")
    assert (status, message in answer.get("message", "")) == (422 if message else 201, True), answer


def test_others_are_served_while_conditions_are_tried(site: Site, job: Job) -> None:
    """Many conditions, each within its own time: together they have a limit, and no other request waits for them."""
    slow = 'env("TEXT") =~ /' + "(a|aa)" * 14 + "{}/"
    steps = [{"command": "x", "if": slow.format(number)} for number in range(400)]
    document = {"uuid": "slow", "pipeline": {"env": {"TEXT": "a" * 45}, "steps": steps}}
    other, answers = Caller(site), []
    path = f"/v3/jobs/{job[1]}/pipelines"
    uploader = threading.Thread(target=lambda: answers.append(other.call("POST", path, job[2], document)))
    uploader.start()
    served = 0
    while uploader.is_alive():
        assert job[0].call("POST", "/v3/heartbeat", job[0].session(), {})[0] == 200
        served += 1
    # One alone takes longer than it may on a machine that is busy enough.
    assert answers[0][0] == 422 and re.search("take too long|took longer than", answers[0][1]["message"]), answers
    assert served > 1


def test_the_same_dependency_again_asks_for_nothing_more(job: Job) -> None:
    steps = [{"command": "x", "key": "a"}, {"command": "y", "depends_on": ["a"] * 100_000}]
    assert job[0].build("app", *steps)["state"] == "scheduled"


@pytest.mark.parametrize("log", [b"\x1b]1339;" + b"a" * 500_000 + b"\x07", b"\x1b]" * 200_000], ids=["letters", "open"])
def test_a_log_is_shown_whatever_it_holds(caller: Caller, log: bytes) -> None:
    build = caller.build("app", {"command": "a"})
    job_id = build["jobs"][0]["id"]
    job = caller, job_id, caller.begin(job_id, caller.session()), build
    query = f"chunks?sequence=1&offset=0&size={len(log)}"
    assert post(job, query, gzip.compress(log), Content_Encoding="gzip")[0] == 201
    path = f"/v2/organizations/local/pipelines/app/builds/{build['number']}/jobs/{job_id}/log"
    status, page = caller.call("GET", path, caller.api, scheme="Bearer", Accept="text/html")
    assert status == 200 and isinstance(page, bytes)
