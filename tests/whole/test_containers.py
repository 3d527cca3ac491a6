"""Commands of a job in containers that have one file of it: roots of their own, with the mounts that plugins make."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Iterator

import pytest

from tests.fakes import docker, elf
from tests.fakes.docker import Docker
from tests.whole.running import Repository
from tests.whole.site import Site

pytestmark = pytest.mark.skipif(bool(docker.why_not()), reason=docker.why_not())

_BUSYBOX = shutil.which("busybox") or ""
# Checkouts of docker-buildkite-plugin and docker-compose-buildkite-plugin lie there, where a machine has them.
_PLUGINS = Path(os.environ.get("TEST_BUILDKITE_PLUGINS", "/nonexistent"))
# What the plugins docker and docker-compose do, in a few lines.
_PLUGIN = """\
program=${BUILDKITE_AGENT_BINARY_PATH:-$(command -v buildkite-agent)}
set -- --rm --volume "$PWD:/workdir" --workdir /workdir --volume "$program:/usr/bin/buildkite-agent" \\
  --env BUILDKITE_JOB_ID --env BUILDKITE_BUILD_ID --env BUILDKITE_AGENT_ACCESS_TOKEN
if [ -n "${BUILDKITE_PLUGIN_BOX_SOCKET-1}" ]; then
  set -- "$@" --env BUILDKITE_AGENT_JOB_API_SOCKET --env BUILDKITE_AGENT_JOB_API_TOKEN \\
    --volume "$BUILDKITE_AGENT_JOB_API_SOCKET:$BUILDKITE_AGENT_JOB_API_SOCKET"
fi
docker run "$@" ${BUILDKITE_PLUGIN_BOX_ENV:+--env "$BUILDKITE_PLUGIN_BOX_ENV"} "$BUILDKITE_PLUGIN_BOX_IMAGE" \\
  /bin/sh -e -c "$BUILDKITE_COMMAND"
"""
_COMMANDS = """\
set -eu
buildkite-agent meta-data set "place-$1" container
test "$(buildkite-agent meta-data get "place-$1")" = container
buildkite-agent annotate --context "$1" "from the container $1"
if [ "$1" = direct ]; then exit; fi
echo content >"up-$1.txt"
buildkite-agent artifact upload "up-$1.txt"
mkdir down
buildkite-agent artifact download "up-$1.txt" down/
cmp "up-$1.txt" "down/up-$1.txt"
echo "steps: [{label: later-$1, command: 'true'}]" | buildkite-agent pipeline upload
"""
_PIPELINE = """\
steps:
  - label: socket
    command: sh commands socket; test "$$(buildkite-agent env get BUILDKITE_LABEL)" = socket
    plugins: [./plugins/box: {image: with-python}]
  - label: direct
    command: sh commands direct
    plugins: [./plugins/box: {image: with-python, socket: "", env: BUILDKITE_AGENT_ENDPOINT}]
  - label: none
    command: sh commands none
    plugins: [./plugins/box: {image: without-python}]
"""
_REAL = {
    "docker": "image: IMAGE, mount-buildkite-agent: true",
    "docker-compose": "run: IMAGE, mount-buildkite-agent: true, mount-checkout: true",
}


@pytest.fixture
def containers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """Return a `docker` that is first on PATH."""
    program = Docker(tmp_path / "docker")
    monkeypatch.setenv("PATH", f"{program.folder}{os.pathsep}{os.environ['PATH']}")
    return program


@pytest.fixture
def site(archive: str, tmp_path: Path) -> Iterator[Site]:
    with Site(archive, tmp_path) as running:
        yield running


def test_commands_work_in_an_image_with_python_and_say_what_is_missing_in_others(
    site: Site, containers: Docker, tmp_path: Path
) -> None:
    containers.image("with-python", python=True)
    containers.image("without-python")
    repository = Repository(tmp_path / "app", files={"plugins/box/hooks/command": _PLUGIN, "commands": _COMMANDS})
    site.agent()
    assert site.create(_PIPELINE, repository=repository).status == 0
    site.ended()
    logs = {label: site.log(label) for label in ("socket", "direct", "none")}
    assert {label: job["state"] for label, job in site.jobs().items()} == {
        "socket": "passed", "direct": "passed", "none": "failed", "later-socket": "passed",
    }, logs  # fmt: skip
    assert "buildkite-agent needs Python 3.8 or newer, which is not on PATH here. In a container" in logs["none"]
    annotations = site.rest("/pipelines/app/builds/1/annotations")
    assert sorted(annotation["context"] for annotation in annotations) == ["direct", "socket"]


@pytest.mark.skipif(not _BUSYBOX, reason="busybox is not installed")
def test_busybox_alone_says_what_is_missing(site: Site, containers: Docker, tmp_path: Path) -> None:
    containers.busybox_image("busybox", _BUSYBOX)
    repository = Repository(tmp_path / "app", files={"plugins/box/hooks/command": _PLUGIN})
    site.agent()
    site.create(
        "steps: [{label: bare, command: 'buildkite-agent annotate x', plugins: [./plugins/box: {image: busybox}]}]",
        repository=repository,
    )
    assert site.ended()["state"] == "failed"
    assert "buildkite-agent needs Python 3.8 or newer, which is not on PATH here." in site.log("bare")


@pytest.mark.skipif(
    not _PLUGINS.is_dir(), reason="TEST_BUILDKITE_PLUGINS names no folder with checkouts of the plugins"
)
@pytest.mark.parametrize("name", sorted(_REAL))
def test_the_plugins_themselves(site: Site, containers: Docker, tmp_path: Path, name: str) -> None:
    containers.image("with-python", python=True)
    containers.image("without-python")
    static = elf.write(tmp_path / "static-agent", interpreter=False)
    repository = Repository(tmp_path / "app", files={"commands": _COMMANDS, "docker-compose.yml": "services: {}\n"})
    plugins_path = ("--plugins-path", str(tmp_path / "plugins"))
    site.agent(*plugins_path)
    plugin = f"file://{_PLUGINS}/{name}-buildkite-plugin: {{{_REAL[name]}}}"
    pipeline = f"""
steps:
  - label: socket
    command: sh commands socket
    plugins: [{plugin.replace("IMAGE", "with-python")}]
  - label: none
    command: sh commands none
    plugins: [{plugin.replace("IMAGE", "without-python")}]
"""
    site.create(pipeline, repository=repository)
    site.ended()
    states = {label: job["state"] for label, job in site.jobs().items()}
    assert states == {"socket": "passed", "none": "failed", "later-socket": "passed"}, site.log("socket")
    assert "buildkite-agent needs Python 3.8 or newer" in site.log("none")
    site.agents.pop().end()
    site.agent("--container-binary", str(static), *plugins_path)
    site.create(pipeline, repository=repository)
    site.ended(2)
    runs = [words for words in containers.calls() if "run" in words]
    assert [f"{static}:/usr/bin/buildkite-agent" in words for words in runs] == [False, False, True, True]
