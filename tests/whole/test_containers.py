"""Commands of a job in containers that have one file of it: roots of their own, with the mounts that plugins make."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Iterator, List

import pytest

from tests.fakes import container_plugin, docker, elf, reference
from tests.fakes.container_plugin import HOOK
from tests.fakes.docker import Docker
from tests.fakes.reference import needs_static_reference
from tests.whole.running import Repository
from tests.whole.site import Site

pytestmark = pytest.mark.skipif(bool(docker.why_not()), reason=docker.why_not())

_BUSYBOX = shutil.which("busybox") or ""
needs_busybox = pytest.mark.skipif(not _BUSYBOX, reason="busybox is not installed")
# Checkouts of docker-buildkite-plugin and docker-compose-buildkite-plugin lie there, where a machine has them.
_PLUGINS = Path(os.environ.get("TEST_BUILDKITE_PLUGINS", "/nonexistent"))
# Root file systems of images lie there, where a machine has them, each in a folder of its own: of Debian, of Alpine.
_ROOTS = Path(os.environ.get("TEST_CONTAINER_ROOTS", "/nonexistent"))
_COMMANDS = """\
set -eux
buildkite-agent meta-data set "place-$1" container
test "$(buildkite-agent meta-data get "place-$1")" = container
buildkite-agent meta-data exists "place-$1"
status=0; buildkite-agent meta-data exists nowhere || status=$?; test "$status" = 100
buildkite-agent annotate --context "$1" "from the container $1"
if [ "$1" = direct ]; then exit; fi
echo content >"up-$1.txt"
buildkite-agent artifact upload "up-$1.txt"
mkdir down
buildkite-agent artifact download "up-$1.txt" down/
cmp "up-$1.txt" "down/up-$1.txt"
test "$(buildkite-agent env get BUILDKITE_LABEL)" = "$1"
buildkite-agent env set "PLACE=container $1"
test "$(buildkite-agent env get PLACE)" = "container $1"
echo "steps: [{label: later-$1, command: 'true'}]" | buildkite-agent pipeline upload
if [ -n "${BUILDKITE_SOCKETS_PATH-}" ]; then
  token=$(buildkite-agent lock acquire "$1")
  test "$(buildkite-agent lock get "$1")" = "$token"
  buildkite-agent lock release "$1" "$token"
  test "$(buildkite-agent lock do "once $1")" = do
  buildkite-agent lock done "once $1"
fi
"""
_PIPELINE = """\
steps:
  - label: socket
    command: sh commands socket
    plugins: [./plugins/box: {image: with-python}]
  - label: direct
    command: sh commands direct
    plugins: [./plugins/box: {image: with-python, socket: "", env: BUILDKITE_AGENT_ENDPOINT}]
  - label: none
    command: sh commands none
    plugins: [./plugins/box: {image: without-python}]
"""
# To run everything, the locks as well; where it is not ours that runs, it must be told where the control plane is.
_EVERYTHING = """\
steps:
  - label: LABEL
    command: sh commands LABEL
    plugins: [./plugins/box: {mount-buildkite-agent: true, image: LABEL, env: ENV, volumes: SOCKETS}]
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
    repository = Repository(tmp_path / "app", files={"plugins/box/hooks/command": HOOK, "commands": _COMMANDS})
    warning = "requires Python 3.8 or newer in the image"
    assert site.agent("--spawn", "2").said.count(warning) == 1
    site.agents.pop().end()
    assert site.agent().said.count(warning) == 0
    assert site.create(_PIPELINE, repository=repository).status == 0
    site.ended()
    logs = {label: site.log(label) for label in ("socket", "direct", "none")}
    assert {label: job["state"] for label, job in site.jobs().items()} == {
        "socket": "passed", "direct": "passed", "none": "failed", "later-socket": "passed",
    }, logs  # fmt: skip
    assert (
        "buildkite-agent needs Python 3.8 or newer with zlib, which is not on PATH here. In a container" in logs["none"]
    )
    annotations = site.rest("/pipelines/app/builds/1/annotations")
    assert sorted(annotation["context"] for annotation in annotations) == ["direct", "socket"]


def _run_everything(site: Site, label: str, repository: Repository, *variables: str, build: int = 1) -> None:
    """Run every command in the image that is named like the step, with the folder of the sockets mounted."""
    env = " ".join(("BUILDKITE_SOCKETS_PATH", *variables))
    pipeline = _EVERYTHING.replace("LABEL", label).replace("ENV", env).replace("SOCKETS", str(site.folder / "s"))
    assert site.create(pipeline, repository=repository).status == 0
    site.ended(build)
    states = {name: job["state"] for name, job in site.jobs(build).items()}
    assert states == {label: "passed", f"later-{label}": "passed"}, site.log(label, build)


@needs_busybox
@needs_static_reference
def test_the_static_program_of_the_reference_in_busybox_alone(site: Site, containers: Docker, tmp_path: Path) -> None:
    containers.busybox_image("busybox", _BUSYBOX)
    repository = Repository(tmp_path / "app", files={"plugins/box/hooks/command": HOOK, "commands": _COMMANDS})
    site.agent("--agent-api", "--container-binary", reference.PROGRAM)
    _run_everything(site, "busybox", repository, "BUILDKITE_AGENT_ENDPOINT")
    (words,) = containers.calls()
    assert f"{reference.PROGRAM}:/usr/bin/buildkite-agent" in words


@pytest.mark.soak
@pytest.mark.skipif(not _ROOTS.is_dir(), reason="TEST_CONTAINER_ROOTS names no folder with root file systems of images")
def test_everything_in_roots_of_distributions(site: Site, containers: Docker, tmp_path: Path) -> None:
    repository = Repository(tmp_path / "app", files={"plugins/box/hooks/command": HOOK, "commands": _COMMANDS})
    site.agent("--agent-api")
    for build, root in enumerate(sorted(_ROOTS.iterdir()), 1):
        containers.image_of(root)
        _run_everything(site, root.name, repository, build=build)


@needs_busybox
def test_busybox_alone_says_what_is_missing(site: Site, containers: Docker, tmp_path: Path) -> None:
    containers.busybox_image("busybox", _BUSYBOX)
    repository = Repository(tmp_path / "app", files={"plugins/box/hooks/command": HOOK})
    site.agent()
    site.create(
        "steps: [{label: bare, command: 'buildkite-agent annotate x', plugins: [./plugins/box: {image: busybox}]}]",
        repository=repository,
    )
    assert site.ended()["state"] == "failed"
    assert "buildkite-agent needs Python 3.8 or newer with zlib, which is not on PATH here." in site.log("bare")


def _job_socket(words: List[str]) -> str:
    (path,) = [word for word in container_plugin.targets(words) if "/job-api/" in word]
    return path


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
    for words in runs:
        assert container_plugin.passed(words) == {*container_plugin.VARIABLES, *container_plugin.VARIABLES_OF_SOCKET}
        assert container_plugin.targets(words) - {_job_socket(words)} == {
            target for _, target in container_plugin.MOUNTS
        }
    assert [f"{static}:/usr/bin/buildkite-agent" in words for words in runs] == [False, False, True, True]
