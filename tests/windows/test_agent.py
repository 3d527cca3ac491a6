"""The first things that somebody does on Windows: asks for the version and the settings, and runs a job."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

from bkagent.version import VERSION
from tests.windows.windows_agent import WindowsAgent
from tests.windows.wine_session import WineSession


def test_the_archive_says_its_version(wine: WineSession, packed_archive: str, python: str) -> None:
    done = wine.run(wine.python(python), wine.windows_path(packed_archive), "--version")
    assert (done.returncode, done.stderr) == (0, "") and VERSION.replace(".", "-") in done.stdout


def test_settings_are_shown_with_their_origin(
    wine: WineSession, packed_archive: str, python: str, tmp_path: Path
) -> None:
    config = tmp_path / "bkagent.cfg"
    config.write_bytes(b"name=box-%spawn\r\ntags=os=windows\r\n")
    argv = [wine.windows_path(packed_archive), "config", "show", "--config", wine.windows_path(config)]
    done = wine.run(wine.python(python), *argv, env={"BUILDKITE_AGENT_PRIORITY": "7"})
    assert done.returncode == 0, done
    lines = done.stdout.splitlines()
    name = next(line for line in lines if line.startswith("name=box-%spawn "))
    assert f"{config.name}" in name and "1" in name.split("#")[1], name
    priority = next(line for line in lines if line.startswith("priority=7 "))
    assert "BUILDKITE_AGENT_PRIORITY" in priority


def test_a_batch_command_runs_and_its_status_is_reported(start_agent: Callable[..., WindowsAgent], python: str) -> None:
    agent = start_agent(python)
    job = agent.run_job('echo %OS% has "%BUILDKITE_BRANCH%"')
    assert job.finish["exit_status"] == "0" and 'Windows_NT has "main"' in job.text, job.text
    job = agent.run_job("exit 7")
    assert job.finish["exit_status"] == "7"
    assert agent.disconnect() == 0 and agent.spool == []
