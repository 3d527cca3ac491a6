"""Uploads to S3 and to Google's storage that are killed: the same command again sends only what the store has not."""

from __future__ import annotations

import http.client
import json
import os
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Callable, Dict, List, Union
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.fakes import google_front, google_storage, moto
from tests.fakes.artifact_records import ArtifactRecords
from tests.fakes.conditions import until
from tests.fakes.google_accounts import GoogleAccounts
from tests.fakes.google_front import GoogleFront
from tests.fakes.s3_bucket import MotoBucket
from tests.fakes.scripted_server import Answer, Request, ScriptedServer
from tests.whole.running import Running, bkagent

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are killed by signals")

MEBIBYTE = 1024 * 1024


class Gate:
    """In front of a store: counts parts that it has acknowledged, and lets no more than `limit_count` through.

    name_of  what a request carries as a part, "" for any other request
    """

    def __init__(self, name_of: "Callable[[Request], str]", pass_on: "Callable[[Request], Answer]") -> None:
        self._name_of, self._pass_on = name_of, pass_on
        self.limit_count, self.opened = 0, threading.Event()
        self.ended_count = 0  # connections up to this number are of runs that were killed
        self.acknowledged: "List[str]" = []
        self._taken_count, self._lock = 0, threading.Lock()

    def __call__(self, request: Request) -> Answer:
        """Return the store's answer; a part that waited for the gate, or whose sender was killed, is not sent on."""
        name = self._name_of(request)
        if not name:
            return self._pass_on(request)
        if request.connection <= self.ended_count:
            return Answer(503)
        with self._lock:
            is_through = self._taken_count < self.limit_count
            self._taken_count += is_through
        if not is_through and not self.opened.is_set():
            self.opened.wait(60)
            return Answer(503)
        answer = self._pass_on(request)
        assert answer.status < 400, answer.body
        with self._lock:
            self.acknowledged.append(name)
        return answer


def forwarder(url: str) -> "Callable[[Request], Answer]":
    """Return what passes a request on to a server, as it is."""

    def forward(request: Request) -> Answer:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        headers = {name: text for name, text in request.headers.items() if name not in ("connection", "expect")}
        connection.request(request.method, request.target, request.body, headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        left_out = ("content-length", "connection", "transfer-encoding", "server", "date")
        kept = {name: text for name, text in answer.getheaders() if name.lower() not in left_out}
        return Answer(answer.status, body=body, headers=kept)

    return forward


def journal_of(home: Path) -> str:
    """Return all that journals of uploads say."""
    folder = home / ".buildkite-agent" / "bkagent" / "uploads"
    return "".join(path.read_text() for path in folder.glob("*"))


def kill_after(
    gate: Gate, front: "Union[ScriptedServer, GoogleFront]", counts: "List[int]", argv: "List[str]", folder: Path,
    variables: "Dict[str, str]",
) -> None:  # fmt: skip
    """Run the command, and kill it when the store has acknowledged so many parts; again for each count.

    It may not have heard of the last of them yet. What it had sent by then may arrive at the front, but no further.
    """
    for count in counts:
        gate.limit_count = count
        with Running(argv, folder, folder / "said", variables) as running:
            until(lambda: len(gate.acknowledged) >= gate.limit_count and '{"part"' in journal_of(folder))
            running.process.kill()
            running.process.wait()
        gate.ended_count = front.connections_count
    gate.opened.set()


def s3_part(request: Request) -> str:
    return parse_qs(request.query).get("partNumber", [""])[0] if request.method == "PUT" else ""


def test_no_part_that_s3_has_is_sent_again(archive: str, tmp_path: Path) -> None:
    content = os.urandom(33 * MEBIBYTE)
    (tmp_path / "a.bin").write_bytes(content)
    with moto.start() as emulator, ArtifactRecords() as plane:
        bucket = MotoBucket(emulator.url)
        gate = Gate(s3_part, forwarder(emulator.url))
        with ScriptedServer({"*": gate}) as server:
            variables = {**plane.variables, **moto.environ(f"http://127.0.0.1:{server.port}"), "HOME": str(tmp_path)}
            words = ("artifact", "upload", "a.bin", f"s3://{bucket.name}/x")
            kill_after(gate, server, [2, 3], [sys.executable, archive, *words], tmp_path, variables)
            done = bkagent(archive, *words, cwd=tmp_path, env=variables)
        assert done.status == 0, done.text
        assert bucket.content("x/a.bin") == content and bucket.uploads_count() == 0
    assert Counter(gate.acknowledged) == Counter("12345")
    assert len(plane.records) == 1 and plane.states == {"id0": "finished"}


def google_part(request: Request) -> str:
    text = request.headers.get("content-range", "")
    return text if request.method == "PUT" and not text.startswith("bytes */") else ""


def test_no_part_that_google_has_is_sent_again(archive: str, tmp_path: Path) -> None:
    content = os.urandom(33 * MEBIBYTE)
    work = tmp_path / "work"
    work.mkdir()
    (work / "a.bin").write_bytes(content)
    accounts = GoogleAccounts()
    with google_storage.start_emulator("box") as emulator, ArtifactRecords() as plane:
        with GoogleFront(tmp_path, accounts) as front:
            gate = Gate(google_part, lambda request: google_front.forward(request, emulator.url))
            front.services.update(dict.fromkeys(google_front.STORAGE_HOSTS, gate))
            document = accounts.document("https://oauth2.googleapis.com", "service_account")
            variables = {
                **plane.variables, **front.environ(), "NO_PROXY": "127.0.0.1,localhost",
                "BUILDKITE_GS_APPLICATION_CREDENTIALS_JSON": json.dumps(document), "HOME": str(work),
            }  # fmt: skip
            words = ("artifact", "upload", "a.bin", "gs://box/x")
            kill_after(gate, front, [1, 2], [sys.executable, archive, *words], work, variables)
            done = bkagent(archive, *words, cwd=work, env=variables)
        assert done.status == 0, done.text
        stored = forwarder(emulator.url)(Request("GET", "/storage/v1/b/box/o/x%2Fa.bin?alt=media", {}, b"", 0))
        assert stored.body == content
    starts = [text.partition("-")[0] for text in gate.acknowledged]
    assert starts == [f"bytes {at * 16 * MEBIBYTE}" for at in range(3)]
    assert len(plane.records) == 1 and plane.states == {"id0": "finished"}
