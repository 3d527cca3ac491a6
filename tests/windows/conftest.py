"""The Windows bed of these tests: one Windows for each of pytest's processes, and agents of the built archive in it.

Made by bed.sh. Where it is missing, each test is skipped and says why; with BKAGENT_WINDOWS_BED_NEEDED=1 it fails.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Callable, Iterator, List

import pytest

from tests.fakes.control_plane import FakeControlPlane
from tests.windows.windows_agent import WindowsAgent
from tests.windows.wine_session import PYTHONS, WineSession, missing_part

_FOLDER = Path(__file__).resolve().parent
_CACHE = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
BED = Path(os.environ.get("BKAGENT_WINDOWS_BED") or os.path.join(_CACHE, "bkagent-windows-bed"))
IS_NEEDED = os.environ.get("BKAGENT_WINDOWS_BED_NEEDED") == "1"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: List[pytest.Item]) -> None:
    """Give every test of this folder the mark that keeps it out of the other tiers."""
    inside = f"{_FOLDER}{os.sep}"
    for item in items:
        if str(item.path).startswith(inside):
            item.add_marker("windows")


@pytest.fixture(scope="session")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WineSession]:
    """Return a running Windows; what the test starts in it ends with the session at the latest."""
    missing = missing_part(BED)
    if missing:
        (pytest.fail if IS_NEEDED else pytest.skip)(f"no Windows bed: {missing}")
    with WineSession(BED, tmp_path_factory.mktemp("windows")) as session:
        yield session


@pytest.fixture(params=PYTHONS)
def python(request: pytest.FixtureRequest) -> str:
    """Return the version of a Windows Python: a test that asks for this runs with the oldest and with the newest."""
    return str(request.param)


@pytest.fixture
def plane() -> Iterator[FakeControlPlane]:
    """Return a control plane that agents ping each second."""
    with FakeControlPlane(ping_interval=1) as control_plane:
        yield control_plane


@pytest.fixture
def start_agent(
    wine: WineSession, plane: FakeControlPlane, packed_archive: str, tmp_path: Path
) -> Iterator[Callable[..., WindowsAgent]]:
    """Return what starts an agent: `start_agent("3.8", "--flag", "value", env={...}, path=..., root=...)`.

    It talks to `plane` and keeps everything below `root`, by default `tmp_path / "agent"`. Ends with the test.
    """
    agents: List[WindowsAgent] = []

    def start(version: str, *flags: str, root: Path = tmp_path / "agent", **options: object) -> WindowsAgent:
        agents.append(WindowsAgent(wine, version, packed_archive, plane, root, *flags, **options))  # type: ignore[arg-type]
        return agents[-1]

    yield start
    for agent in agents:
        agent.kill()
