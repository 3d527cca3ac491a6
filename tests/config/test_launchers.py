"""The launchers that jobs call, where what they were made for is gone, as it is in a container."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, Tuple

import pytest

from tests.conftest import TOP
from tests.fakes.installed_archive import install

pytestmark = pytest.mark.skipif(os.sep == "\\", reason="no plugin mounts a launcher there")

_MAKE = (
    "import sys; sys.path.insert(0, sys.argv[1]); from bkagent.config.launching import self_command; "
    "print(self_command.launcher_folder(sys.argv[2]))"
)


def _make(root: Path, state: Path) -> Path:
    words = [sys.executable, "-I", "-S", "-c", _MAKE, str(root), str(state)]
    return Path(subprocess.run(words, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout.strip())


@pytest.fixture(scope="module")
def launcher(packed_archive: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A launcher of an installed archive whose code is gone."""
    folder = tmp_path_factory.mktemp("launcher")
    install(packed_archive, folder)
    (root,) = (folder / "lib" / "bkagent" / "code").iterdir()
    launchers = _make(root, folder / "state")
    root.rename(folder / "moved")
    shutil.copy(launchers / "buildkite-agent", folder)
    return folder / "buildkite-agent"


def _run(launcher: Path, *words: str, **env: str) -> Tuple[int, str]:
    variables: Dict[str, str] = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **env}
    done = subprocess.run(
        [str(launcher), *words], env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8"
    )
    return done.returncode, done.stdout


def test_a_launcher_runs_the_code_that_it_carries(launcher: Path) -> None:
    assert _run(launcher, "--version")[0] == 0
    status, text = _run(launcher, "meta-data", "get", "key")
    assert status == 1 and text.startswith("Missing agent-access-token. See: `buildkite-agent meta-data get --help`")
    status, text = _run(launcher, "spool", "list")
    assert (
        status == 1
        and text == "buildkite-agent: this command is not for containers; run it on a machine that has the agent\n"
    )
    # What is beside the code must be there as well.
    (launcher.parent / "page.html").touch()
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); from bkagent.artifacts.upload import content_types as c; print(c)"
    )
    assert str(launcher) in subprocess.check_output([sys.executable, "-I", "-S", "-c", program, str(launcher)]).decode()


def _for_another_machine(launcher: Path, folder: Path) -> Path:
    """Copy a launcher to a folder, and let it find no Python but on PATH."""
    text = (
        launcher.read_bytes()
        .replace(b"/usr/local/bin/python3 /usr/bin/python3", b"")
        .replace(sys.executable.encode(), b"/x")
    )
    (folder / "buildkite-agent").write_bytes(text)
    (folder / "buildkite-agent").chmod(0o755)
    return folder / "buildkite-agent"


# A Python that lacks a module, as a shell script in its place.
_WITHOUT = f"""\
shift 3
exec '{sys.executable}' -I -S -c 'import sys; sys.modules["LACKED"] = None; exec(sys.argv.pop(1))' "$@"
"""


@pytest.mark.parametrize("version", ["exit 1", "", _WITHOUT.replace("LACKED", "zlib")])
def test_without_a_python_that_is_new_enough_it_says_what_to_do(launcher: Path, tmp_path: Path, version: str) -> None:
    (tmp_path / "bin").mkdir()
    if version:
        (tmp_path / "bin" / "python3").write_text(f"#!/bin/sh\n{version}\n", encoding="ascii")
        (tmp_path / "bin" / "python3").chmod(0o755)
    status, said = _run(_for_another_machine(launcher, tmp_path), "annotate", "x", PATH=str(tmp_path / "bin"))
    assert status == 127
    assert said.startswith("buildkite-agent needs Python 3.8 or newer with zlib, which is not on PATH here.")
    assert said.count("\n") == 1 and "--container-binary" in said


def test_a_python_with_part_of_its_library_is_named_with_the_way_out(launcher: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").write_text("#!/bin/sh\n" + _WITHOUT.replace("LACKED", "_socket"), encoding="ascii")
    (tmp_path / "bin" / "python3").chmod(0o755)
    copy = _for_another_machine(launcher, tmp_path)
    variables = {"BUILDKITE_AGENT_ACCESS_TOKEN": "token", "BUILDKITE_AGENT_ENDPOINT": "http://127.0.0.1:9"}
    variables["PATH"] = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    status, said = _run(copy, "meta-data", "get", "key", "--job", "one", **variables)
    assert status == 1 and said.count("\n") == 1 and "lacks a part of its standard library: import of _socket" in said
    assert "the package python3" in said and "--container-binary" in said


def test_a_launcher_of_a_checkout_says_that_it_carries_nothing(tmp_path: Path) -> None:
    root = tmp_path / "code"
    shutil.copytree(Path(TOP) / "bkagent", root / "bkagent")
    launcher = _make(root, tmp_path / "state") / "buildkite-agent"
    root.rename(tmp_path / "moved")
    status, said = _run(launcher, "annotate", "x")
    assert status == 127 and said.startswith("buildkite-agent runs code that is not in this container")
    assert said.count("\n") == 1 and "bkagent.pyz" in said and "--container-binary" in said
