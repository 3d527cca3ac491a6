"""`artifact download` of the archive that is killed, or whose list is hostile: what is there is whole."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Dict

import pytest

from bkagent.artifacts.download.paths import partial_name
from tests.fakes.conditions import until
from tests.fakes.range_server import RangeServer
from tests.fakes.scripted_server import Answer, Raw, ScriptedServer
from tests.whole.running import bkagent, environment

BUILD = "/v3/builds/b"
SIZE = 4 * 1024 * 1024


def reach(server: ScriptedServer) -> Dict[str, str]:
    return {
        "BUILDKITE_AGENT_ENDPOINT": server.url + "/v3", "BUILDKITE_AGENT_ACCESS_TOKEN": "t", "BUILDKITE_BUILD_ID": "b",
    }  # fmt: skip


def test_a_download_that_is_killed_goes_on_where_it_was(archive: str, tmp_path: Path) -> None:
    content = os.urandom(SIZE)
    part = tmp_path / partial_name("big", hashlib.sha256(content).hexdigest())
    hold, sent = threading.Event(), SIZE // 2
    with RangeServer({"big": content}, build=BUILD) as server:
        whole = server.server.routes["GET /get/0"]
        half = Raw(f"HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n".encode() + content[:sent], hold=hold)
        server.server.routes["GET /get/0"] = half
        command = [sys.executable, archive, "artifact", "download", "*", "."]
        running = subprocess.Popen(command, cwd=str(tmp_path), env=environment(reach(server.server)))
        try:
            until(lambda: part.exists() and part.stat().st_size == sent)
        finally:
            running.kill()
            running.wait(60)
            hold.set()
        assert os.listdir(str(tmp_path)) == [part.name]
        server.server.routes["GET /get/0"] = whole
        done = bkagent(archive, "artifact", "download", "*", ".", cwd=tmp_path, env=reach(server.server))
        assert done.status == 0 and 'Resuming the download of "big" after 2.0 MiB' in done.err, done.text
        assert server.ranges["big"] == [f"bytes={sent}-"]
    assert os.listdir(str(tmp_path)) == ["big"] and (tmp_path / "big").read_bytes() == content


def test_a_hostile_list_writes_nothing_outside_and_the_rest_arrives(archive: str, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    files = {
        "../../climbs": b"1", "/absolute": b"2", "a/../../b": b"3", "\0": b"4", "n" * 300: b"5", "..": b"6",
        "dir": b"8", "dir/file": b"9", "twice": b"old", "line\nbreak": b"10", "x/./y": b"11",
    }  # fmt: skip
    with RangeServer(files, build=BUILD) as server:
        server.files["newer"] = b"new"
        server.server.routes["GET /get/newer"] = server._serves("newer")
        server.ranges["newer"] = []
        newer = {**server.rows[8], "id": "newer", "url": f"{server.server.url}/get/newer", "file_size": 3}
        newer["sha256sum"], newer["created_at"] = hashlib.sha256(b"new").hexdigest(), "2030-01-01T00:00:00Z"
        server.rows.insert(0, newer)
        done = bkagent(archive, "artifact", "download", "*", ".", cwd=folder, env=reach(server.server))
    assert done.status == 1 and "there were errors downloading some of the artifacts" in done.err, done.text
    errors = [line for line in done.err.splitlines() if " ERROR " in line]
    for path, why in {
        "\\x00": "not a valid file name", "n" * 300: "file name too long", "..": "is a directory",
        "dir": "has this path as its folder",
    }.items():  # fmt: skip
        assert [why for line in errors if f'Failed to download "{path}": ' in line and why in line] == [why], (
            path,
            errors,
        )
    assert len(errors) == 4
    present = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert present == {
        "climbs": b"1", "absolute": b"2", "b": b"3", "dir/file": b"9", "twice": b"new", "line\nbreak": b"10",
        "x/y": b"11",
    }  # fmt: skip
    assert os.listdir(str(tmp_path)) == ["folder"]


@pytest.mark.soak
def test_ten_thousand_artifacts_arrive(archive: str, tmp_path: Path) -> None:
    with ScriptedServer({"*": Answer(200, body=b"content")}) as server:
        rows = [
            {"path": f"d{number % 100}/f{number}", "file_size": 7, "url": f"{server.url}/get/{number}"}
            for number in range(10_000)
        ]
        server.routes[f"GET {BUILD}/artifacts/search"] = (200, rows)
        done = bkagent(archive, "artifact", "download", "*", ".", cwd=tmp_path, env=reach(server))
    assert done.status == 0 and "Found 10000 artifacts" in done.err
    assert sum(len(files) for _, _, files in os.walk(str(tmp_path))) == 10_000
