"""Artifacts on Windows: under which paths files arrive, and what no artifact's name can do to this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence

import pytest

from tests.fakes.control_plane import FakeControlPlane
from tests.windows.windows_agent import WindowsAgent
from tests.windows.wine_session import WineSession

_WRITE = r"mkdir out\deep sub& echo one>out\deep\a.txt& echo two>out\b.txt& echo three>sub\c.log"


def _created(plane: FakeControlPlane) -> List[Dict[str, Any]]:
    """Return the records of artifacts that were sent, by path."""
    batches = [request.document["artifacts"] for request in plane.requests if request.call.endswith("/artifacts")]
    created = [record for batch in batches for record in batch if "path" in record]
    return sorted(created, key=lambda record: str(record["path"]))


@pytest.mark.parametrize(
    ("flags", "separator"), [((), "\\"), (("--experiment", "normalised-upload-paths"), "/"), (("--compat", "4"), "/")]
)
def test_a_job_uploads_by_either_slash_and_version_3_keeps_backslashes(
    start_agent: Callable[..., WindowsAgent], plane: FakeControlPlane, python: str, flags: Sequence[str], separator: str
) -> None:
    agent = start_agent(python, *flags)
    job = agent.run_job(_WRITE, {"BUILDKITE_ARTIFACT_PATHS": r"out\**\*.txt;sub/*.log;out/b.txt"})
    assert job.finish["exit_status"] == "0", job.text
    expected = [separator.join(names) for names in (("out", "b.txt"), ("out", "deep", "a.txt"), ("sub", "c.log"))]
    created = _created(plane)
    assert [record["path"] for record in created] == expected, job.text
    builds = agent.wine.windows_path(agent.root / "builds")
    assert all(record["absolute_path"].startswith(builds + "\\") for record in created)
    forms = b"".join(request.body for request in plane.requests if request.path == "form")
    assert all(text in forms for text in (b"one\r\n", b"two\r\n", b"three\r\n"))


def test_the_command_uploads_full_paths_without_their_drive(
    wine: WineSession, plane: FakeControlPlane, packed_archive: str, python: str, tmp_path: Path
) -> None:
    job = plane.add_job()
    (tmp_path / "a.txt").write_text("a", encoding="ascii")
    argv = [wine.python(python), wine.windows_path(packed_archive), "artifact", "upload"]
    argv += [wine.windows_path(tmp_path) + "/*.txt", "--job", job.id, "--experiment", "normalised-upload-paths"]
    env = {"BUILDKITE_AGENT_ENDPOINT": plane.endpoint, "BUILDKITE_AGENT_ACCESS_TOKEN": job.token}
    done = wine.run(*argv, env=env, cwd=tmp_path)
    assert done.returncode == 0, done
    assert [record["path"] for record in _created(plane)] == [str(tmp_path / "a.txt")[1:]]


_REFUSED = {
    "NUL": '"NUL" is a device of Windows',
    "out/com1.txt": '"com1.txt" is a device of Windows',
    "CON/a": '"CON" is a device of Windows',
    "whole.txt:stream": "would be a drive, or a stream of another file",
    "C:\\evil": "would be a drive, or a stream of another file",
    "trailing.": "Windows drops the end of",
    "folder /a": "Windows drops the end of",
    "what?": "Windows allows no '?' in names",
    "OUT\\Whole.TXT": '"out/whole.txt" is the same file here',
}
_TAKEN = ["out/whole.txt", "back\\slash\\b.txt", "../../up.txt", "deep/" * 20 + "e.txt"]


def test_a_download_refuses_names_that_windows_takes_for_something_else(
    wine: WineSession, plane: FakeControlPlane, packed_archive: str, python: str, tmp_path: Path
) -> None:
    paths = [*_TAKEN, *_REFUSED]
    for number, path in enumerate(paths):
        plane.answers[f"GET get/{number}"] = (200, {"content": path})
        plane.artifacts.append({"path": path, "id": str(number), "url": f"{plane.endpoint}/get/{number}"})
    job = plane.add_job()
    goal = tmp_path / "goal"
    goal.mkdir()
    argv = [wine.python(python), wine.windows_path(packed_archive), "artifact", "download", "*"]
    argv += [wine.windows_path(goal), "--build", job.env["BUILDKITE_BUILD_ID"]]
    env = {"BUILDKITE_AGENT_ENDPOINT": plane.endpoint, "BUILDKITE_AGENT_ACCESS_TOKEN": job.token}
    done = wine.run(*argv, env=env, cwd=tmp_path)
    assert done.returncode == 1 and "there were errors downloading some of the artifacts" in done.stderr, done
    for path, reason in _REFUSED.items():
        shown = path.replace("\\", "/")
        line = next(line for line in done.stderr.splitlines() if f'Failed to download "{shown}"' in line)
        assert reason in line
    arrived = {str(file.relative_to(goal)): file for file in goal.rglob("*") if file.is_file()}
    expected = [path.replace("\\", "/").replace("../", "") for path in _TAKEN]
    assert sorted(arrived) == sorted(expected), done.stderr
    for path, name in zip(_TAKEN, expected):
        assert json.loads(arrived[name].read_bytes()) == {"content": path}
