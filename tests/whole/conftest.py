"""The archive's agent on a control plane that does what a test tells it."""

from pathlib import Path
from typing import Any, Iterator

import pytest

from tests.fakes.agent_process import AgentProcess
from tests.fakes.control_plane import FakeControlPlane
from tests.fakes.installed_archive import program_of
from tests.whole.hand_run import HandRun
from tests.whole.running import Repository, Start


@pytest.fixture
def plane() -> Iterator[FakeControlPlane]:
    with FakeControlPlane(ping_interval=0.2, job_status_interval=0.1, chunk_interval=0.1) as running:
        yield running


@pytest.fixture
def start(archive: str, plane: FakeControlPlane, tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts the archive's agent; every agent has ended when the test has."""
    started = []

    def begin(*flags: str, **more: Any) -> AgentProcess:
        program = program_of(archive)
        started.append(AgentProcess(tmp_path / "agent", plane.endpoint, *flags, program=program, **more))
        return started[-1]

    yield begin
    for agent in started:
        agent.__exit__()


@pytest.fixture
def hand(archive: str, tmp_path: Path) -> HandRun:
    """Jobs that the archive runs without an agent."""
    return HandRun(archive, tmp_path)


@pytest.fixture
def upstream(tmp_path: Path) -> Repository:
    """The repository of the job."""
    return Repository(tmp_path / "upstream")
