"""Google Cloud Storage: an emulator that is not ours, and a strict server of the tests for what the emulator lacks.

gcp-storage-emulator keeps objects and resumable sessions, but no predefined ACLs, no generations, no sessions that end,
and it says of an empty session that it has a byte.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from typing import Any, Callable, Dict, List, NamedTuple
from urllib.parse import parse_qs, unquote

from tests.fakes import store_emulators
from tests.fakes.google_accounts import GoogleAccounts
from tests.fakes.scripted_server import Answer, Raw, Request

_SCOPE = "https://www.googleapis.com/auth/devstorage."
_EMULATOR = """
import functools, http.server, sys
from gcp_storage_emulator.server import RequestHandler
from gcp_storage_emulator.handlers.buckets import create_bucket
from gcp_storage_emulator.storage import Storage
storage = Storage(use_memory_fs=True)
create_bucket(sys.argv[1], storage)
server = http.server.HTTPServer(("127.0.0.1", 0), functools.partial(RequestHandler, storage))
print(f"Listening on http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
"""


def start_emulator(bucket: str) -> store_emulators.EmulatorProcess:
    """Return the emulator with one bucket, for a `with` statement; skips the test where it is missing."""
    store_emulators.program("gcp-storage-emulator", "gcp-storage-emulator")
    command = [store_emulators.python(), "-c", _EMULATOR, bucket]
    return store_emulators.EmulatorProcess(command, r"Listening on (http://127\.0\.0\.1:\d+)")


class StoredObject(NamedTuple):
    """An object: its bytes, what was said of it, and the predefined ACL that was asked for."""

    content: bytes
    metadata: Dict[str, Any]
    acl: str
    generation: int


class StrictStorage:
    """One bucket. Call it with a request.

    objects   name -> object
    received  bytes that came in requests with content
    faults    called with each request before it is answered; returns None, or what is answered
    keeps     bytes that the session takes of the next chunks, of each one more than it is sent
    """

    def __init__(self, bucket: str, accounts: GoogleAccounts) -> None:
        self.bucket, self.url, self._accounts = bucket, "https://storage.googleapis.com", accounts
        self.objects: Dict[str, StoredObject] = {}
        self.sessions: Dict[str, Dict[str, Any]] = {}
        self.received_bytes = 0
        self.faults: List[Callable[[Request], Any]] = []
        self.keeps: List[int] = []
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Any:
        with self._lock:
            if self.faults:
                fault = self.faults.pop(0)(request)
                if fault is not None:
                    return fault
            try:
                return self._answer(request)
            except Exception as problem:  # a check that failed: the test's program must not wait for an answer
                return _error(400, type(problem).__name__, str(problem))

    def _answer(self, request: Request) -> Any:
        grant = self._accounts.grant_of(request.headers.get("authorization", ""))
        if grant is None:
            return _error(401, "UNAUTHENTICATED", "no such token")
        assert grant.scopes == [_SCOPE + ("read_only" if request.method == "GET" else "full_control")], grant
        query = {name: values[0] for name, values in parse_qs(request.query).items()}
        if request.path == f"/upload/storage/v1/b/{self.bucket}/o":
            return self._upload(request, query)
        name = re.fullmatch(rf"/storage/v1/b/{self.bucket}/o/([^/]+)", request.path)
        if name and request.method == "GET" and query.get("alt") == "media":
            return self._media(unquote(name.group(1)), request, query)
        return _error(404, "NOT_FOUND", f"nothing is at {request.path}")

    def _upload(self, request: Request, query: Dict[str, str]) -> Any:
        self.received_bytes += len(request.body) if request.method != "DELETE" else 0
        if "upload_id" in query:
            return self._session(request, query["upload_id"])
        acl = query.get("predefinedAcl", "")
        if query["uploadType"] == "multipart":
            boundary = request.headers["content-type"].partition("boundary=")[2].encode()
            _, first, second, end = request.body.split(b"--" + boundary)
            assert end.strip() == b"--" and b"application/json" in first
            metadata = json.loads(first.partition(b"\r\n\r\n")[2])
            return self._store(metadata, second.partition(b"\r\n\r\n")[2][:-2], acl)
        assert query["uploadType"] == "resumable" and request.method == "POST", query
        size = int(request.headers["x-upload-content-length"])
        upload_id = f"session-{len(self.sessions) + 1}"
        self.sessions[upload_id] = {"metadata": request.document, "acl": acl, "size": size, "content": bytearray()}
        return Answer(200, headers={"Location": f"{self.url}{request.path}?uploadType=resumable&upload_id={upload_id}"})

    def _session(self, request: Request, upload_id: str) -> Any:
        session = self.sessions.get(upload_id)
        if session is None:
            return Answer(410, body=b"gone")
        if request.method == "DELETE":
            del self.sessions[upload_id]
            return Answer(499)
        assert request.method == "PUT", request.method
        content, size = session["content"], session["size"]
        span = re.fullmatch(r"bytes (?:\*|(\d+)-(\d+))/(\d+)", request.headers["content-range"])
        assert span and int(span.group(3)) == size, request.headers["content-range"]
        if span.group(1):
            start, end = int(span.group(1)), int(span.group(2)) + 1
            assert len(request.body) == end - start and start <= len(content), (start, len(content))
            assert end == size or (end - start) % (256 * 1024) == 0 or start % (256 * 1024), "no multiple of 256 KiB"
            kept = self.keeps.pop(0) if self.keeps else len(request.body)
            content.extend(request.body[len(content) - start : kept])  # the service passes over what it has already
            if kept < len(request.body):
                return Raw(b"HTTP/1.1 ")  # the connection breaks in the middle
        if len(content) == size:
            return self._store(session["metadata"], bytes(content), session["acl"])
        return Answer(308, headers={"Range": f"bytes=0-{len(content) - 1}"} if content else {})

    def _store(self, metadata: Dict[str, Any], content: bytes, acl: str) -> Answer:
        old = self.objects.get(metadata["name"])
        self.objects[metadata["name"]] = StoredObject(content, metadata, acl, old.generation + 1 if old else 1)
        return Answer(200, {"kind": "storage#object", **metadata, "size": str(len(content))})

    def _media(self, name: str, request: Request, query: Dict[str, str]) -> Any:
        stored = self.objects.get(name)
        if stored is None:
            return _error(404, "NOT_FOUND", f"No such object: {self.bucket}/{name}")
        if query.get("ifGenerationMatch", str(stored.generation)) != str(stored.generation):
            return _error(412, "FAILED_PRECONDITION", "another generation")
        headers = {
            "X-Goog-Generation": str(stored.generation), "X-Goog-Stored-Content-Encoding": "identity",
            "Content-Type": stored.metadata.get("contentType", "application/octet-stream"),
        }  # fmt: skip
        span = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
        if span is None:
            md5 = base64.b64encode(hashlib.md5(stored.content).digest()).decode()
            return Answer(200, body=stored.content, headers={**headers, "X-Goog-Hash": f"crc32c=AAAAAA==,md5={md5}"})
        start, end = int(span.group(1)), int(span.group(2) or len(stored.content) - 1) + 1
        part = stored.content[start:end]
        headers["Content-Range"] = f"bytes {start}-{start + len(part) - 1}/{len(stored.content)}"
        return Answer(206, body=part, headers=headers)


def _error(code: int, status: str, message: str) -> Answer:
    return Answer(code, {"error": {"code": code, "status": status, "message": message}})
