"""Which file plugins mount into containers as `buildkite-agent`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Dict

import pytest

from bkagent.plugins.container_binary import VARIABLE, find_static, variables
from bkagent.system import static_program
from tests.fakes import elf

ASKS = {"BUILDKITE_PLUGIN_DOCKER_MOUNT_BUILDKITE_AGENT": "true"}
HOSTED, OTHER = "https://agent-edge.buildkite.com/v3", "http://127.0.0.1:9/v3"


@pytest.fixture
def static(tmp_path: Path) -> str:
    """A folder with a static program."""
    (tmp_path / "static").mkdir()
    return str(elf.write(tmp_path / "static" / "buildkite-agent", interpreter=False))


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_program_without_an_interpreter_is_static(tmp_path: Path, bits: int, order: str) -> None:
    static = str(elf.write(tmp_path / "static", interpreter=False, bits=bits, order=order))
    assert static_program.is_static(static) and not static_program.is_dynamic(static)
    dynamic = str(elf.write(tmp_path / "dynamic", interpreter=True, bits=bits, order=order))
    assert static_program.is_dynamic(dynamic) and not static_program.is_static(dynamic)


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\n", b"\x7fELF", b"\x7fELF\x02\x01\x01" + b"\xff" * 200])
def test_what_is_no_program_of_the_kernel_is_neither(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    path = str(tmp_path / "file")
    assert not static_program.is_static(path) and not static_program.is_dynamic(path)


@pytest.mark.skipif(sys.platform != "linux", reason="ELF is the format of Linux")
def test_python_itself_is_judged() -> None:
    path = os.path.realpath(sys.executable)
    assert static_program.is_static(path) != static_program.is_dynamic(path)


def test_the_first_static_program_on_path_is_taken(tmp_path: Path, static: str) -> None:
    for name in ("script", "dynamic", "launchers"):
        (tmp_path / name).mkdir()
    (tmp_path / "script" / "buildkite-agent").write_text("#!/bin/sh\n", encoding="ascii")
    (tmp_path / "script" / "buildkite-agent").chmod(0o755)
    elf.write(tmp_path / "dynamic" / "buildkite-agent", interpreter=True)
    elf.write(tmp_path / "launchers" / "buildkite-agent", interpreter=False)
    folders = ["", "relative", *(str(tmp_path / name) for name in ("none", "launchers", "script", "dynamic"))]
    path = os.pathsep.join(folders)
    assert find_static({"PATH": path}, str(tmp_path / "launchers")) is None
    assert find_static({"PATH": path + os.pathsep + os.path.dirname(static)}, str(tmp_path / "launchers")) == static


@pytest.mark.parametrize(
    ("plugin", "endpoint", "is_mounted"),
    [
        (ASKS, HOSTED, True),
        ({"BUILDKITE_PLUGIN_DOCKER_COMPOSE_MOUNT_BUILDKITE_AGENT": "true"}, HOSTED, True),
        ({}, HOSTED, False),
        ({"BUILDKITE_PLUGIN_DOCKER_MOUNT_BUILDKITE_AGENT": "false"}, HOSTED, False),
        # The program would send the job's token to the hosted control plane.
        (ASKS, OTHER, False),
        ({**ASKS, "BUILDKITE_PLUGIN_DOCKER_ENVIRONMENT_0": "BUILDKITE_AGENT_ENDPOINT"}, OTHER, True),
        ({**ASKS, "BUILDKITE_PLUGIN_DOCKER_ENVIRONMENT_3": "BUILDKITE_AGENT_ENDPOINT=http://x/v3"}, OTHER, True),
        ({**ASKS, "BUILDKITE_PLUGIN_DOCKER_COMPOSE_ENV_BUILDKITE_AGENT_ENDPOINT": "http://x/v3"}, OTHER, True),
        ({**ASKS, "BUILDKITE_PLUGIN_DOCKER_PROPAGATE_ENVIRONMENT": "true"}, OTHER, True),
        (ASKS, "http://buildkite.com.example.com/v3", False),
    ],
)
def test_a_static_program_is_mounted_where_it_reaches_the_control_plane(
    static: str, plugin: Dict[str, str], endpoint: str, is_mounted: bool
) -> None:
    env = {"PATH": os.path.dirname(static), "BUILDKITE_AGENT_ENDPOINT": endpoint}
    assert variables(plugin, env, "", "") == ({VARIABLE: static} if is_mounted else {})


def test_the_configured_program_is_mounted_whatever_the_endpoint(static: str) -> None:
    env = {"PATH": os.path.dirname(static), "BUILDKITE_AGENT_ENDPOINT": OTHER}
    assert variables(ASKS, env, "/opt/agent", "") == {VARIABLE: "/opt/agent"}
    assert variables({}, env, "/opt/agent", "") == {}
    assert variables(ASKS, {**env, VARIABLE: "of a hook"}, "/opt/agent", "") == {}
