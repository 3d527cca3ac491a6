"""Sends files to a store and fetches them, as uploads and downloads do, without anything being tried again."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

from bkagent.artifacts.stores.fetch_range import FetchRange
from bkagent.artifacts.stores.store import ArtifactStore, FetchedHead, StoreUpload
from bkagent.artifacts.stores.table import open_store
from bkagent.cloud.cloud_context import CloudContext
from bkagent.transport.client.body import FileBody
from bkagent.transport.client.http_client import Pool
from bkagent.wire.artifacts import Artifact


class StoreDriver:
    """One run of transfers. `said` has what was reported, as "level: text"."""

    def __init__(self, destination: str, environ: Mapping[str, str], ahead_s: float = 0.0) -> None:
        """Open the store of a destination. This machine's clock is ahead by so many seconds."""
        self.said: List[str] = []
        self.pool = Pool("http://localhost", environ)
        self.store: ArtifactStore = open_store(
            destination,
            CloudContext(
                self.pool, environ, "", "agent/1", lambda level, text: self.said.append(f"{level}: {text}"),
                lambda seconds: False, lambda: time.time() + ahead_s,
            ),
        )  # fmt: skip
        self.head = FetchedHead()

    def begin(self, file: Path, path: str = "", saved: Optional[Mapping[str, Any]] = None, **more: str) -> StoreUpload:
        """Begin the upload of a file as `path`, its name as a rule."""
        return self.store.begin(artifact_of(file, path, **more), None, saved or {})

    def upload(self, file: Path, path: str = "", **more: str) -> StoreUpload:
        """Send a whole file."""
        self.store.prepare()
        started = self.begin(file, path, **more)
        send_parts(started, file)
        return started

    def download(self, artifact: Artifact, **span: Any) -> bytes:
        """Fetch an artifact, or the range of it that `span` says; `head` has what the store said first."""
        content = bytearray()

        def receive(head: FetchedHead) -> Any:
            self.head = head
            content.clear()
            return content.extend

        self.store.fetch(artifact, receive, FetchRange(**span))
        return bytes(content)


def artifact_of(file: Path, path: str = "", **more: str) -> Artifact:
    """Return the record of a file, with its checksums."""
    content = file.read_bytes()
    fields: Dict[str, str] = {
        "sha1": hashlib.sha1(content).hexdigest(), "sha256": hashlib.sha256(content).hexdigest(),
        "content_type": "text/x-tests; charset=utf-8", **more,
    }  # fmt: skip
    return Artifact(path or file.name, len(content), absolute_path=str(file), id="an-id", **fields)


def send_parts(started: StoreUpload, file: Path, numbers: Optional[Sequence[int]] = None) -> None:
    """Send the parts that the store does not have, and complete the upload; only some with `numbers`."""
    tags = dict(started.kept_tags)
    for part in started.parts:
        if part.number not in tags and (numbers is None or part.number in numbers):
            tags[part.number] = started.send(part, FileBody(str(file), part.size, part.offset))
    if numbers is None:
        started.finish(tags)
