"""`pipeline upload --dry-run` prints what the reference prints."""

import json
import os
import sys

import pytest

from bkagent.cli.main import main
from tests.fakes import vectors


def documents(text):
    """Return the JSON documents that stand behind each other in a text, each as compact text."""
    found, at = [], 0
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        value, at = json.JSONDecoder().raw_decode(text, at)
        found.append(json.dumps(value))
    return found


@pytest.mark.parametrize("case", [*vectors.of("pipelines"), *vectors.of("edges", "pipeline")])
def test_recorded_documents(case, tmp_path, monkeypatch, capfd):
    (tmp_path / "in.yml").write_bytes(case["yaml"].encode())
    (tmp_path / "changed.txt").write_text("src/a.go\ndocs/readme.md\nx y/z.txt\n")
    monkeypatch.chdir(tmp_path)
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "BUILDKITE_AGENT_ACCESS_TOKEN": "token"}
    with open("in.yml", encoding="utf-8") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        status = main(["pipeline", "upload", "--dry-run", *case.get("args", [])], {**environ, **case.get("env", {})})
    out, err = capfd.readouterr()
    assert status == case["exit"], err
    if status:
        assert "fatal: " in err and "internal error" not in err
        return
    assert documents(out) == [json.dumps(json.loads(document)) for document in case["documents"]]
    assert ("WARN" in err) == case["warnings"], err


def test_secrets_that_are_too_short_are_named(monkeypatch, tmp_path, capfd):
    monkeypatch.chdir(tmp_path)
    steps = "[{command: a, env: {DB_PASSWORD: abc}}, {trigger: b, env: {X_TOKEN: abc}}]"
    (tmp_path / "in.yml").write_text(f"steps: {steps}")
    environ = {"PATH": os.environ["PATH"], "MY_TOKEN": "short", "BUILDKITE_AGENT_ACCESS_TOKEN": "a token"}
    assert main(["pipeline", "upload", "--dry-run", "in.yml"], environ) == 0
    text = "Some variables have values below minimum length (6 bytes) and will not be redacted: DB_PASSWORD, MY_TOKEN\n"
    assert text in capfd.readouterr().err
