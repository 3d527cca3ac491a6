"""A small Agent API over real HTTP on loopback, with knobs for what goes wrong. It keeps every request.

    with FakeControlPlane(ping_interval=1) as plane:
        job = plane.add_job("echo hello")
        ...an agent with plane.endpoint and plane.token...
        assert job.wait_finished() and job.text == "hello\\n"

Knobs
    FakeControlPlane(ping_interval=, job_status_interval=, heartbeat_interval=, chunk_size=, chunk_interval=, token=)
    plane.answers["PUT jobs/ID/accept"] = (422, {...})   that answer in place of the usual one
    plane.break_down(r"jobs/.*/chunks", 500)             every match gets the status; RESET cuts the line before
                                                         the request counts, LOSE after it did; PAGE answers 200
                                                         with HTML; returns the fault, whose `end()` mends it and
                                                         whose `hits` counts
    plane.actions.append({"action": "pause"})            one ping's answer each, before jobs are handed out
    job.state = "canceling"                              what the agent hears when it asks
What it saw
    plane.requests      every request that counted, as Request
    plane.sessions      by session id: registration, "connected"/"disconnected", number of heartbeats and pings
    job.chunks, job.log, job.text, job.finish, job.starts
Nothing here sleeps to wait: `plane.wait_for(condition)` is woken by each request.
"""

from __future__ import annotations

import gzip
import json
import re
import socket
import struct
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple
from urllib.parse import parse_qs, unquote, urlsplit

RESET, LOSE, PAGE = "reset", "lose", "page"
PATIENCE_S = 60.0
_STAMP = re.compile(rb"\x1b_bk;t=\d+\x07")

Answer = Tuple[int, Any]


class Request(NamedTuple):
    """One request. `path` has no /v3/ in front and no query; `document` is the decoded JSON, None without one."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    token: str
    document: Any
    body: bytes

    @property
    def call(self) -> str:
        return f"{self.method} {self.path}"


class Fault:
    """Something that is broken until `end()`."""

    def __init__(self, pattern: str, kind: object, every: int) -> None:
        self.pattern, self.kind = re.compile(pattern), kind
        self.hits, self.over = 0, False
        self._every, self._matches = every, 0

    def strikes(self, call: str) -> bool:
        """Say whether this request meets the fault."""
        if self.over or not self.pattern.search(call):
            return False
        self._matches += 1
        struck = self._matches % self._every == 0
        self.hits += struck
        return struck

    def end(self) -> None:
        self.over = True


class FakeJob:
    """One job: what an agent is told of it, and what it said."""

    def __init__(self, plane: "FakeControlPlane", env: Dict[str, str], step: Dict[str, Any]) -> None:
        self.id = env["BUILDKITE_JOB_ID"]
        self.token = "jt-" + self.id
        self.env, self.step = env, step
        self.matrix_permutation: Dict[str, str] = {}
        self.state = "scheduled"
        self.session = ""
        self.starts: List[Any] = []
        self.finishes: List[Any] = []
        self.chunks: Dict[int, Tuple[int, bytes]] = {}
        self.problems: List[str] = []
        self._plane = plane

    @property
    def finish(self) -> Any:
        """The document of the first finish call, None before it."""
        return self.finishes[0] if self.finishes else None

    @property
    def raw(self) -> bytes:
        """The log as it was sent, time codes and all; checks that no byte is missing or doubled.

        Several chunks may be under way at once: what comes after one that is still missing is left out.
        """
        pieces, at = [], 0
        for number, sequence in enumerate(sorted(self.chunks), 1):
            if sequence != number and not self.finishes:
                break
            offset, data = self.chunks[sequence]
            assert offset == at, f"chunk {sequence} starts at {offset} and not at {at}"
            pieces.append(data)
            at += len(data)
        return b"".join(pieces)

    @property
    def log(self) -> bytes:
        """The log without time codes."""
        return _STAMP.sub(b"", self.raw)

    @property
    def text(self) -> str:
        """The log as lines that end in LF."""
        return self.log.decode("utf-8", "replace").replace("\r\n", "\n")

    def wait_started(self) -> bool:
        return self._plane.wait_for(lambda: self.starts)

    def wait_printed(self, text: bytes) -> bool:
        return self._plane.wait_for(lambda: text in b"".join(data for _, data in list(self.chunks.values())))

    def wait_finished(self) -> bool:
        return self._plane.wait_for(lambda: self.finishes)

    def document(self) -> Dict[str, Any]:
        """The answer to accept and acquire."""
        return {
            "id": self.id, "token": self.token, "state": self.state, "env": self.env, "step": self.step,
            "chunks_max_size_bytes": self._plane.chunk_size, "chunks_interval_seconds": self._plane.chunk_interval,
            "log_max_size_bytes": 0, "runnable_at": "2026-01-01T00:00:00Z",
            "matrix_permutation": self.matrix_permutation,
        }  # fmt: skip


class FakeControlPlane:
    """The server. Start it with `with`."""

    def __init__(
        self,
        answers: Optional[Mapping[str, Answer]] = None,
        *,
        ping_interval: float = 1,
        job_status_interval: float = 1,
        heartbeat_interval: float = 10,
        chunk_size: int = 100_000,
        chunk_interval: float = 1,
        token: str = "registration-token",
    ) -> None:
        self.answers: Dict[str, Answer] = dict(answers or {})
        self.ping_interval, self.job_status_interval = ping_interval, job_status_interval
        self.heartbeat_interval = heartbeat_interval
        self.chunk_size, self.chunk_interval, self.token = chunk_size, chunk_interval, token
        self.actions: List[Dict[str, Any]] = []
        self.registered: Dict[str, Any] = {}  # more fields for the answer to a registration
        self.requests: List[Request] = []
        self.sessions: Dict[str, Dict[str, Any]] = {}
        self.jobs: Dict[str, FakeJob] = {}
        self.meta_data: Dict[str, str] = {}
        self.annotations: List[Any] = []
        self.pipelines: List[Any] = []
        self.artifacts: List[Any] = []
        self.form_path = "/v3/form"
        self.faults: List[Fault] = []
        self.changed = threading.Condition(threading.RLock())
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"http://{self.address}"
        self.endpoint = self.url + "/v3"

    def __enter__(self) -> "FakeControlPlane":
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def seen(self) -> List[str]:
        """Method and path of every request that counted, in order."""
        return [request.call for request in self.requests]

    def add_job(
        self, command: str = "", env: Optional[Mapping[str, str]] = None, step: Optional[Dict[str, Any]] = None
    ) -> FakeJob:
        """Put a job into the queue; the next ping without an action gets it. It checks out nothing by default."""
        own = {
            "BUILDKITE": "true", "CI": "true", "BUILDKITE_JOB_ID": str(uuid.uuid4()), "BUILDKITE_COMMAND": command,
            "BUILDKITE_BUILD_ID": str(uuid.uuid4()), "BUILDKITE_BUILD_NUMBER": "7", "BUILDKITE_REPO": "/no/repository",
            "BUILDKITE_COMMIT": "HEAD", "BUILDKITE_BRANCH": "main", "BUILDKITE_AGENT_NAME": "tester",
            "BUILDKITE_ORGANIZATION_SLUG": "acme", "BUILDKITE_PIPELINE_SLUG": "widgets", "BUILDKITE_TIMEOUT": "false",
            "BUILDKITE_PIPELINE_PROVIDER": "git", "BUILDKITE_SKIP_CHECKOUT": "true", "BUILDKITE_MESSAGE": "a change",
            "BUILDKITE_BUILD_URL": self.url + "/acme/widgets/builds/7", "BUILDKITE_ARTIFACT_PATHS": "",
            **(env or {}),
        }  # fmt: skip
        with self.changed:
            job = FakeJob(self, own, step if step is not None else {"command": command})
            self.jobs[job.id] = job
        return job

    def break_down(self, pattern: str, kind: object, every: int = 1) -> Fault:
        """From now on every n-th request whose "METHOD path" matches gets the status `kind`, or RESET, LOSE or PAGE."""
        fault = Fault(pattern, kind, every)
        with self.changed:
            self.faults.append(fault)
        return fault

    def wait_for(self, condition: Callable[[], object], patience_s: float = PATIENCE_S) -> bool:
        """Wait until the condition holds; it is looked at after every request. False when patience ran out."""
        with self.changed:
            return bool(self.changed.wait_for(condition, patience_s))

    # What a request does

    def fault_for(self, method: str, path: str) -> Optional[Fault]:
        return next((fault for fault in self.faults if fault.strikes(f"{method} {path}")), None)

    def answer(self, request: Request) -> Answer:
        """Take a request in; return status and document."""
        with self.changed:
            self.requests.append(request)
            try:
                if request.call in self.answers:
                    self._note_accept(request)
                    return self.answers[request.call]
                return self._route(request)
            finally:
                self.changed.notify_all()

    def _note_accept(self, request: Request) -> None:
        """A job whose accept has an answer of the test's is not offered again."""
        job = self.jobs.get(request.path.split("/")[1]) if request.path.endswith("/accept") else None
        if job is not None and job.state == "assigned":
            job.state = "accepted"

    def _route(self, request: Request) -> Answer:
        words = request.path.split("/")
        if words[0] == "register":
            return self._register(request)
        if words[0] in ("connect", "disconnect", "heartbeat", "ping", "stop"):
            session = self.sessions.get(request.token[3:])
            return self._session(words[0], session, request) if session else (401, {"message": "no such session"})
        if words[0] == "jobs" and len(words) > 1:
            job = self.jobs.get(words[1])
            if job is None:
                return 404, {"message": "no such job"}
            return self._job(job, words[2:], request)
        if words[0] == "form":
            return 200, {}
        if words[0] == "builds" and words[2:3] == ["data"]:
            return self._data(words[3], request)
        if words[0] == "builds" and words[2:] == ["artifacts", "search"]:
            return 200, self.artifacts
        return 404, {"message": "no such route"}

    def _register(self, request: Request) -> Answer:
        if request.token != self.token:
            return 401, {"message": "Invalid agent token"}
        session_id = str(uuid.uuid4())
        self.sessions[session_id] = {
            "registration": request.document, "state": "registered", "beats": 0, "pings": 0, "takes_jobs": True,
        }  # fmt: skip
        answer = {
            "id": session_id, "name": request.document["name"], "access_token": "at-" + session_id,
            "ping_interval": self.ping_interval, "job_status_interval": self.job_status_interval,
            "heartbeat_interval": self.heartbeat_interval, "meta_data": request.document["meta_data"],
        }  # fmt: skip
        return 200, {**answer, **self.registered}

    def _session(self, verb: str, session: Dict[str, Any], request: Request) -> Answer:
        if verb in ("connect", "disconnect"):
            session["state"] = verb + "ed"
            return 200, {}
        if verb == "stop":
            session["state"] = "stopping"
            return 200, {}
        if verb == "heartbeat":
            session["beats"] += 1
            return 200, {"sent_at": request.document["sent_at"], "received_at": "2026-01-01T00:00:00Z"}
        session["pings"] += 1
        if self.actions:
            return 200, self.actions.pop(0)
        for job in self.jobs.values() if session["takes_jobs"] else ():
            # Offered again until it is accepted: the answer to a ping may be lost.
            if job.state == "scheduled" or (job.state == "assigned" and job.session == request.token[3:]):
                job.state, job.session = "assigned", request.token[3:]
                return 200, {"action": "", "job": {"id": job.id}}
        return 200, {"action": "idle"}

    def _job(self, job: FakeJob, verb: List[str], request: Request) -> Answer:
        call = f"{request.method} {verb[0] if verb else ''}"
        if call in ("PUT accept", "PUT acquire"):
            job.state = "accepted"
            return 200, job.document()
        if request.token != job.token:
            return 401, {"message": "not the token of this job"}
        if call == "GET ":
            return 200, {"id": job.id, "state": job.state}
        if call == "PUT start":
            job.starts.append(request.document)
            job.state = "running" if job.state == "accepted" else job.state
        elif call == "PUT finish":
            job.finishes.append(request.document)
            job.state = "finished"
            if job.session in self.sessions and request.document.get("ignore_agent_in_dispatches"):
                self.sessions[job.session]["takes_jobs"] = False
            return (200, {}) if len(job.finishes) == 1 else (422, {"message": "finished already"})
        elif call == "POST chunks":
            return self._chunk(job, request)
        elif verb[0] == "data":
            return self._data(verb[1], request)
        elif call == "POST annotations":
            self.annotations.append(request.document)
        elif call == "POST artifacts":
            return self._announce(request)
        elif call == "POST pipelines":
            self.pipelines.append(request.document)
        elif call not in ("POST header_times", "DELETE annotations", "PUT artifacts"):
            return 404, {"message": "no such route"}
        return 200, {}

    def _chunk(self, job: FakeJob, request: Request) -> Answer:
        sequence, offset, size = (int(request.query[name]) for name in ("sequence", "offset", "size"))
        data = gzip.decompress(request.body)
        if len(data) != size or not 0 < size <= self.chunk_size:
            job.problems.append(f"chunk {sequence} says {size} bytes and holds {len(data)}")
        if job.finishes:
            job.problems.append(f"chunk {sequence} came after the finish")
        if job.chunks.get(sequence, (offset, data)) != (offset, data):
            job.problems.append(f"chunk {sequence} came again with other bytes")
        job.chunks[sequence] = (offset, data)
        return 201, {}

    def _announce(self, request: Request) -> Answer:
        action = {"url": self.url, "method": "POST", "path": self.form_path, "file_input": "file"}
        ids = [str(uuid.uuid4()) for _ in request.document["artifacts"]]
        form = {"action": action, "data": {"path": "${artifact:path}"}}
        return 201, {"id": request.document["id"], "artifact_ids": ids, "upload_instructions": form}

    def _data(self, verb: str, request: Request) -> Answer:
        document = request.document or {}
        if verb in ("set", "set-batch"):
            self.meta_data.update((item["key"], item["value"]) for item in document.get("items", [document]))
            return 200, {}
        if verb == "keys":
            return 200, list(self.meta_data)
        if verb == "exists":
            return 200, {"exists": document["key"] in self.meta_data}
        if document["key"] not in self.meta_data:
            return 404, {"message": "no such key"}
        return 200, {"key": document["key"], "value": self.meta_data[document["key"]]}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Connections that an agent's death or a fault of ours cuts are part of the play."""


def _handler(plane: FakeControlPlane) -> type:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1  # an answer leaves in one piece

        def log_message(self, *_: object) -> None:
            pass

        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = urlsplit(self.path)
            path = unquote(parts.path)
            path = path[len("/v3/") :] if path.startswith("/v3/") else path
            with plane.changed:
                fault = plane.fault_for(self.command, path)
                if fault is not None and fault.kind != LOSE:
                    plane.changed.notify_all()
            if fault is not None and fault.kind == RESET:
                return self._cut()
            if fault is not None and fault.kind == PAGE:
                return self._send(200, None, b"<html>Please log in</html>")
            if fault is not None and fault.kind != LOSE:
                return self._send(int(str(fault.kind)), {"message": "out of order"})
            status, document = plane.answer(self._request(path, parts.query, body))
            return self._cut() if fault is not None else self._send(status, document)

        do_GET = do_POST = do_PUT = do_DELETE = _handle

        def _request(self, path: str, query: str, body: bytes) -> Request:
            is_json = self.headers.get("Content-Type", "").startswith("application/json")
            return Request(
                self.command, path, {name: values[-1] for name, values in parse_qs(query).items()},
                dict(self.headers.items()), (self.headers.get("Authorization") or "").partition(" ")[2],
                json.loads(body) if is_json and body else None, body,
            )  # fmt: skip

        def _send(self, status: int, document: Any, page: bytes = b"") -> None:
            body = page or json.dumps(document).encode() + b"\n"
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _cut(self) -> None:
            self.close_connection = True
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    return Handler


def deadline(patience_s: float = PATIENCE_S) -> Callable[[], bool]:
    """Return what says whether there is patience left, for loops that wait for something outside the server."""
    end = time.monotonic() + patience_s
    return lambda: time.monotonic() < end
