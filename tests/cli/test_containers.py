"""What `start` says of the program that jobs find as `buildkite-agent` in containers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bkagent.cli.start import containers
from bkagent.config.options import agent
from bkagent.config.settings import Settings
from tests.cli.conftest import Run
from tests.fakes import elf

REQUIRED = ("start", "--endpoint", "http://127.0.0.1:9/v3", "--token", "x", "--build-path", "b")


def _settings(path: str = "", *, no_plugins: bool = False) -> Settings:
    settings = Settings()
    settings.put(agent.NO_PLUGINS, no_plugins, "flag")
    settings.put(agent.CONTAINER_BINARY, path, "flag")
    return settings


@pytest.fixture
def docker(tmp_path: Path) -> str:
    """A folder with a program named docker."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "docker").touch(0o755)
    return str(tmp_path / "bin")


@pytest.fixture
def state(tmp_path: Path) -> str:
    """A state folder."""
    (tmp_path / "state").mkdir()
    return str(tmp_path / "state")


def test_a_host_without_docker_is_told_nothing(tmp_path: Path, state: str) -> None:
    assert containers.warnings(_settings(), {"PATH": str(tmp_path)}, state) == [] and os.listdir(state) == []


def test_a_host_with_docker_is_told_once_what_images_require(docker: str, state: str, tmp_path: Path) -> None:
    assert containers.warnings(_settings(no_plugins=True), {"PATH": docker}, state) == []
    elf.write(tmp_path / "buildkite-agent", interpreter=False)
    assert containers.warnings(_settings(), {"PATH": docker + os.pathsep + str(tmp_path)}, state) == []
    (sentence,) = containers.warnings(_settings(), {"PATH": docker}, state)
    assert "requires Python 3.8 or newer in the image" in sentence and "container-binary" in sentence
    assert containers.warnings(_settings(), {"PATH": docker}, state) == []
    assert containers.warnings(_settings(), {"PATH": docker}, str(tmp_path / "nowhere")) == [sentence]


def test_a_program_with_libraries_of_its_own_is_named(docker: str, state: str, tmp_path: Path) -> None:
    static = elf.write(tmp_path / "static", interpreter=False)
    assert containers.warnings(_settings(str(static)), {"PATH": docker}, state) == []
    dynamic = elf.write(tmp_path / "dynamic", interpreter=True)
    (sentence,) = containers.warnings(_settings(str(dynamic)), {"PATH": ""}, state)
    assert f"container-binary is {dynamic}, which is not static" in sentence


def test_a_program_that_is_not_there_is_refused(run: Run, tmp_path: Path) -> None:
    done = run(*REQUIRED, "--container-binary", "nowhere")
    assert done.returncode == 1
    expected = (
        f"container-binary must be a program, but {tmp_path / 'nowhere'} (from the flag --container-binary) is no"
    )
    assert expected in done.stderr
