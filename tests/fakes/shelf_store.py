"""A store of artifacts that keeps them on a server of the test: what the interface of stores has to carry.

`shelf://parts` takes parts in any order, `shelf://line` one after the other as a resumable upload does, where the
server says how far it has come.
"""

from __future__ import annotations

import itertools
import json
import sys
import threading
from types import ModuleType
from typing import TYPE_CHECKING, Any, Dict, List, Mapping

import pytest

from bkagent.artifacts.stores import table
from bkagent.artifacts.stores.answers import check, pass_head_to
from bkagent.artifacts.stores.fetch_range import WHOLE, FetchRange
from bkagent.artifacts.stores.store import ArtifactStore, StoreUpload, UploadPart
from bkagent.errors import AgentError
from tests.fakes.scripted_server import Answer, Request, ScriptedServer

if TYPE_CHECKING:
    from bkagent.artifacts.stores.store import Receive

PART_BYTES = 4


class ShelfServer:
    """Keeps objects by name. `faults`: statuses with which the next requests of "METHOD kind" are answered."""

    def __init__(self) -> None:
        self.objects: Dict[str, bytes] = {}
        self.uploads: Dict[str, Dict[int, bytes]] = {}
        self.lines: Dict[str, bytes] = {}
        self.abandoned: List[str] = []
        self.faults: Dict[str, List[int]] = {}
        self._lock, self._numbers = threading.Lock(), itertools.count()
        self.server = ScriptedServer({"*": self._answer})

    def _answer(self, request: Request) -> Answer:
        _, kind, *rest = request.path.split("/")
        with self._lock:
            fault = self.faults.get(f"{request.method} {kind}")
            if fault:
                return Answer(fault.pop(0), body=b"<html>busy</html>")
            return getattr(self, f"_{request.method}_{kind}".lower())(request, *rest)

    def _get_ready(self, request: Request) -> Answer:
        return Answer(200)

    def _post_uploads(self, request: Request, *path: str) -> Answer:
        upload = f"u{next(self._numbers)}"
        self.uploads[upload] = {}
        return Answer(200, {"id": upload})

    def _put_parts(self, request: Request, upload: str, number: str) -> Answer:
        self.uploads[upload][int(number)] = request.body
        return Answer(200, headers={"ETag": f'"{upload}-{number}"'})

    def _post_finish(self, request: Request, upload: str, *path: str) -> Answer:
        parts = self.uploads.pop(upload)
        assert request.document == {str(number): f'"{upload}-{number}"' for number in parts}
        self.objects["/".join(path)] = b"".join(parts[number] for number in sorted(parts))
        return Answer(200)

    def _delete_uploads(self, request: Request, upload: str) -> Answer:
        self.abandoned.append(upload)
        return Answer(204)

    def _put_lines(self, request: Request, line: str, offset: str) -> Answer:
        kept = self.lines.get(line, b"")
        assert int(offset) == len(kept), "a resumable upload goes on where it stands"
        # Only half of a part is kept where the next fault is to come: the client has to ask how far it has come.
        half = request.body[: len(request.body) // 2] if self.faults.get("PUT half") else request.body
        self.lines[line] = kept + half
        return Answer(self.faults["PUT half"].pop(0) if self.faults.get("PUT half") else 200)

    def _get_lines(self, request: Request, line: str) -> Answer:
        return Answer(200, {"kept_bytes": len(self.lines.get(line, b""))})

    def _post_objects(self, request: Request, line: str, *path: str) -> Answer:
        self.objects["/".join(path)] = self.lines.pop(line)
        return Answer(200)

    def _get_objects(self, request: Request, *path: str) -> Answer:
        content = self.objects["/".join(path)]
        first = int(request.headers.get("range", "bytes=0-")[6:].partition("-")[0])
        headers = {"ETag": '"1"', "Content-Range": f"bytes {first}-{len(content) - 1}/{len(content)}"}
        return Answer(206 if first else 200, body=content[first:], headers=headers if first else {"ETag": '"1"'})


class ShelfStore(ArtifactStore):
    """The client of it; `destination` is shelf://parts or shelf://line."""

    title = "Shelf"

    def __init__(self, destination: str, context: Any) -> None:
        self._pool, self.kind, self._url = context.pool, destination.partition("://")[2], context.environ["SHELF_URL"]
        if self.kind not in ("parts", "line"):
            raise AgentError(f"a shelf has parts or a line, not {self.kind}")

    def call(self, method: str, path: str, body: Any = b"") -> Any:
        """Send one request."""
        response = self._pool.request_url(method, self._url + path, {}, body)
        check(method, self._url + path, response)
        return response

    def prepare(self) -> None:
        self.call("GET", "/ready")

    def url_of(self, artifact_path: str) -> str:
        return f"{self._url}/objects/{artifact_path}"

    def begin(self, artifact: Any, instructions: Any, saved: Mapping[str, Any]) -> StoreUpload:
        return _ShelfParts(self, artifact, saved) if self.kind == "parts" else _ShelfLine(self, artifact)

    def fetch(self, artifact: Any, receive: Receive, wanted: FetchRange = WHOLE) -> None:
        response = self._pool.request_url("GET", artifact.url, wanted.headers(), open_sink=pass_head_to(receive))
        check("GET", artifact.url, response)


class _ShelfUpload(StoreUpload):
    def __init__(self, store: ShelfStore, artifact: Any) -> None:
        self._store, self._artifact = store, artifact
        offsets = range(0, artifact.size, PART_BYTES) or [0]
        self.parts = tuple(
            UploadPart(number, offset, min(PART_BYTES, artifact.size - offset))
            for number, offset in enumerate(offsets, 1)
        )


class _ShelfParts(_ShelfUpload):
    in_parts = True

    def __init__(self, store: ShelfStore, artifact: Any, saved: Mapping[str, Any]) -> None:
        super().__init__(store, artifact)
        self.saved = saved if saved.get("id") else json.loads(store.call("POST", "/uploads").body)

    def send(self, part: UploadPart, body: Any) -> str:
        return self._store.call("PUT", f"/parts/{self.saved['id']}/{part.number}", body).headers.get("ETag")

    def finish(self, tags: Mapping[int, str]) -> Mapping[int, str]:
        document = json.dumps(dict(sorted(tags.items()))).encode()
        self._store.call("POST", f"/finish/{self.saved['id']}/{self._artifact.path}", document)
        return {}

    def abandon(self) -> None:
        self._store.call("DELETE", f"/uploads/{self.saved['id']}")


class _ShelfLine(_ShelfUpload):
    in_parts = sequential = True

    def __init__(self, store: ShelfStore, artifact: Any) -> None:
        super().__init__(store, artifact)
        kept = self._kept_bytes()
        self.kept_tags = {part.number: "" for part in self.parts if part.size and part.offset + part.size <= kept}

    def send(self, part: UploadPart, body: Any) -> str:
        kept = self._kept_bytes() - part.offset
        rest = body.part(body.offset + kept, body.size - kept)
        self._store.call("PUT", f"/lines/{self._artifact.id}/{part.offset + kept}", rest)
        return ""

    def finish(self, tags: Mapping[int, str]) -> Mapping[int, str]:
        self._store.call("POST", f"/objects/{self._artifact.id}/{self._artifact.path}")
        return {}

    def abandon(self) -> None:
        pass

    def _kept_bytes(self) -> int:
        return json.loads(self._store.call("GET", f"/lines/{self._artifact.id}").body)["kept_bytes"]


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the table name this store for the length of a test."""
    module = ModuleType("bkagent.artifacts.stores.shelf")
    module.open_store = ShelfStore  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    row = table.StoreRow("Shelf", lambda destination: destination.startswith("shelf://"), "shelf")
    monkeypatch.setattr(table, "STORES", (*table.STORES, row))
