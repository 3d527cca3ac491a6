"""What others chose (names of files, keys, texts of servers) steers no terminal and forges no line of a log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fakes.control_plane import FakeControlPlane
from tests.fakes.scripted_server import Answer, ScriptedServer
from tests.whole.running import Start, bkagent

NAME = "a\n2026-01-01 00:00:00 INFO   forged\x1b[2J\x1b]0;title\x07\u202eb\x9b1m"
SHOWN = "a\\n2026-01-01 00:00:00 INFO   forged\\x1b[2J\\x1b]0;title\\a\\u202eb\\u009b1m"


def steering(text: str) -> "list[str]":
    """Return what a terminal would obey, and forged lines."""
    letters = [letter for letter in text if not (letter.isprintable() or letter in "\n\t")]
    return letters + [line for line in text.split("\n") if line.startswith("2026-01-01")]


def test_artifacts_with_names_that_steer(archive: str, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"x")
    with ScriptedServer() as server:
        action = {"url": server.url, "method": "POST", "path": "/form", "file_input": "file"}
        form = {"artifact_ids": ["i"], "upload_instructions": {"action": action, "data": {}}}
        server.routes["POST /v3/jobs/j/artifacts"] = (201, form)
        server.routes["PUT /v3/jobs/j/artifacts"] = (200, {})
        server.routes["POST /form"] = Answer(204)
        rows = [{"path": NAME, "id": NAME, "file_size": 1, "url": server.url + "/get"}]
        server.routes["GET /v3/builds/b/artifacts/search"] = (200, rows)
        server.routes["GET /get"] = Answer(200, body=b"x")
        server.routes["POST /v3/jobs/j/data/keys"] = (200, [NAME])
        reach = {
            "BUILDKITE_AGENT_ENDPOINT": server.url + "/v3", "BUILDKITE_AGENT_ACCESS_TOKEN": "t", "HOME": str(tmp_path),
            "BUILDKITE_JOB_ID": "j", "BUILDKITE_BUILD_ID": "b",
        }  # fmt: skip
        said = {}
        for words in (("artifact", "upload", "a*"), ("artifact", "download", "*", "."), ("artifact", "search", "*"),
                      ("meta-data", "keys"), ("artifact", "upload", "--literal", NAME + "?"),
                      ("artifact", "upload", NAME + "[")):  # fmt: skip
            done = bkagent(archive, *words, cwd=tmp_path, env=reach)
            said[" ".join(words[:2])] = done
            assert steering(done.text) == [], (words, done.text)
    assert SHOWN in said["artifact download"].err and SHOWN in said["artifact search"].out
    assert said["meta-data keys"].out == SHOWN + "\n"
    assert (tmp_path / NAME).read_bytes() == b"x"


@pytest.mark.parametrize("words", [("meta-data", "set", "k", "v"), ("annotate", "b"), ("step", "get", "--step", "s")])
def test_a_server_that_steers(archive: str, tmp_path: Path, words: "tuple[str, ...]") -> None:
    with ScriptedServer({"*": (422, {"message": f"no {NAME}"})}) as server:
        reach = {
            "BUILDKITE_AGENT_ENDPOINT": server.url + "/v3", "BUILDKITE_AGENT_ACCESS_TOKEN": "t", "HOME": str(tmp_path),
            "BUILDKITE_JOB_ID": "j", "BUILDKITE_BUILD_ID": "b",
        }  # fmt: skip
        done = bkagent(archive, *words, cwd=tmp_path, env=reach)
    assert done.status == 1 and "forged" in done.err and steering(done.text) == [], done.text


def test_an_agent_and_the_log_of_its_job(plane: FakeControlPlane, start: Start) -> None:
    refused = plane.add_job("true")
    plane.answers[f"PUT jobs/{refused.id}/accept"] = (422, {"message": NAME})
    plugins = json.dumps([{"https://example.invalid/p\n+++ forged\x1b[2J": None}])
    job = plane.add_job("true", {"BUILDKITE_PLUGINS": plugins, "BUILDKITE_ARTIFACT_PATHS": NAME + "["})
    agent = start("--disconnect-after-job")
    assert job.wait_finished() and agent.wait() == 0, agent.said
    assert "forged" in agent.said and steering(agent.said) == [], agent.said
    own = [line for line in job.text.split("\n") if "forged" in line]
    assert own and not any(line.startswith("+++") for line in own), job.text
    assert "\x1b[2J" not in job.text
