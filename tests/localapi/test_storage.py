"""Small artifacts that go by the job's process: only to the storage that the control plane has named."""

from __future__ import annotations

import sys
from typing import Iterator

import pytest

from bkagent.localapi.job_server import JobServer
from bkagent.localapi.upstream import Upstream
from bkagent.remote.commands.in_job import InJobClient
from tests.fakes.scripted_server import Answer, ScriptedServer
from tests.localapi.test_job_server import State

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no Unix sockets")
WAIT_S = 30.0


class Job:
    """A job with a control plane and a storage, and the client of its commands."""

    def __init__(self, folder: str, plane: ScriptedServer, storage: ScriptedServer) -> None:
        self.plane, self.storage = plane, storage
        upstream = Upstream(plane.url + "/v3", "t", environ={}, user_agent="agent/1")
        self.service = JobServer(folder, State(), upstream)
        path, token = self.service.start()
        self.environ = {"BUILDKITE_AGENT_JOB_API_SOCKET": path, "BUILDKITE_AGENT_JOB_API_TOKEN": token}

    def client(self, token: str = "t") -> InJobClient:
        return InJobClient(self.plane.url + "/v3", token, self.environ)

    def name_storage(
        self, instructions: object, status: int = 201, own: object = None, path: str = "jobs/j/artifacts"
    ) -> None:
        """Have the control plane answer to records of artifacts."""
        answer = {"upload_instructions": instructions, "per_artifact_instructions": own}
        self.plane.routes["POST /v3/" + path.partition("?")[0]] = (status, answer)
        try:
            self.client().call("POST", path, document={"artifacts": []})
        except Exception as problem:
            assert status >= 400, problem


@pytest.fixture
def job(tmp_path: object) -> Iterator[Job]:
    with ScriptedServer() as plane, ScriptedServer({"*": Answer(204)}) as storage:
        running = Job(str(tmp_path), plane, storage)
        yield running
        running.service.stop()


def form_at(url: str, path: str = "form", method: str = "POST") -> object:
    return {"action": {"url": url, "path": path, "method": method}}


def test_only_a_storage_that_was_named_gets_anything(job: Job) -> None:
    url = job.storage.url + "/form?a=b"
    assert job.client().store("POST", url, "x/y", b"body", WAIT_S) is None and not job.storage.seen
    job.name_storage(form_at(job.storage.url + "/elsewhere?a=b"))
    answer = job.client().store("POST", url, "x/y", b"body", WAIT_S)
    assert answer is not None and answer[0] == 204
    (request,) = job.storage.seen
    assert (request.line, request.query, request.body) == ("POST /form", "a=b", b"body")
    assert (request.headers["content-type"], request.headers["user-agent"]) == ("x/y", "agent/1")
    assert "authorization" not in request.headers
    assert job.client("other").store("POST", url, "x/y", b"body", WAIT_S) is None and len(job.storage.seen) == 1


def test_only_forms_that_were_named_are_sent_not_whatever_the_job_likes(job: Job) -> None:
    own = {"id": form_at(job.storage.url, "/own"), "other": {"action": None}}
    job.name_storage(form_at(job.storage.url), own=own)
    for method, target in [("GET", "/form"), ("DELETE", "/form"), ("POST", "/"), ("POST", "/form?q"), ("POST", "/x")]:
        assert job.client().store(method, job.storage.url + target, "x/y", b"", WAIT_S) is None
    assert not job.storage.seen
    for target in ("/form", "/own"):
        assert job.client().store("POST", job.storage.url + target, "x/y", b"", WAIT_S) is not None


def test_a_url_that_no_header_can_hold_is_left_to_the_command(job: Job) -> None:
    job.name_storage(form_at(job.storage.url))
    assert job.client().store("POST", job.storage.url + "/fo\nrm", "x/y", b"", WAIT_S) is None


def test_the_answers_to_other_requests_name_no_storage(job: Job) -> None:
    job.name_storage(form_at(job.storage.url), path="jobs/j/data/get?x=/artifacts")
    assert job.client().store("POST", job.storage.url + "/form", "x/y", b"", WAIT_S) is None


def test_of_many_forms_the_last_are_remembered(job: Job) -> None:
    for number in range(5):
        job.name_storage(None, own={str(at): form_at(job.storage.url, f"f{number}-{at}") for at in range(30)})
    assert job.client().store("POST", job.storage.url + "/f4-29", "x/y", b"", WAIT_S) is not None
    assert job.client().store("POST", job.storage.url + "/f0-0", "x/y", b"", WAIT_S) is None


@pytest.mark.parametrize(
    "instructions",
    [
        None,
        [],
        {},
        {"action": None},
        form_at("ftp://{server}/"),
        form_at("http://{server}@other/"),
        {"action": {"url": 5}},
        {"action": {"url": "http://{server}/", "path": 5}},
    ],
    ids=str,
)
def test_instructions_that_name_no_storage_open_none(job: Job, instructions: object) -> None:
    server = job.storage.url.partition("//")[2]
    if isinstance(instructions, dict) and isinstance((instructions.get("action") or {}).get("url"), str):
        url = instructions["action"]["url"].format(server=server)
        instructions = {"action": {**instructions["action"], "url": url}}
    job.name_storage(instructions)
    assert job.client().store("POST", job.storage.url + "/form", "x/y", b"", WAIT_S) is None
    assert not job.storage.seen


def test_a_refusal_of_records_names_no_storage(job: Job) -> None:
    job.name_storage(form_at(job.storage.url), status=422)
    assert job.client().store("POST", job.storage.url + "/form", "x/y", b"", WAIT_S) is None


def test_an_answer_of_the_storage_comes_back_as_it_is_and_redirects_are_not_followed(job: Job) -> None:
    job.name_storage(form_at(job.storage.url))
    job.storage.routes["POST /form"] = [
        Answer(503, body=b"busy", headers={"Retry-After": "7"}), Answer(307, headers={"Location": "/moved"}),
    ]  # fmt: skip
    busy = job.client().store("POST", job.storage.url + "/form", "x/y", b"", WAIT_S)
    assert busy is not None and (busy[0], busy[1]["retry-after"], busy[2]) == (503, "7", b"busy")
    moved = job.client().store("POST", job.storage.url + "/form", "x/y", b"", WAIT_S)
    assert moved is not None and (moved[0], moved[1]["location"]) == (307, "/moved")
    assert job.storage.lines == ["POST /form"] * 2
