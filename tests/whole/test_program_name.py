"""The name under which the archive speaks: the one that it was called by."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import List

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def _called(archive: str, tmp_path: Path, way: str) -> "List[str]":
    """Return a command line that starts the archive in that way."""
    (tmp_path / "bin").mkdir()
    link = str(tmp_path / "bin" / "buildkite-agent")
    if "copy" not in way:  # which has to unpack its code
        os.symlink(os.path.join(os.path.dirname(archive), os.pardir, "lib"), str(tmp_path / "lib"))
    if way == "by a link":
        os.symlink(archive, link)
        return [link]
    if way == "as a copy of that name":
        return [shutil.copy(archive, link)]
    if way == "by Python, of a link":
        os.symlink(archive, link)
        return [sys.executable, link]
    if way == "by another name":
        return [shutil.copy(archive, str(tmp_path / "bin" / "agent.pyz"))]
    if way == "by Python":
        return [sys.executable, archive]
    return [sys.executable, "-m", "bkagent"] if way == "as a module" else [archive]


@pytest.mark.skipif(os.sep == "\\", reason="an archive starts by itself on POSIX systems alone")
@pytest.mark.parametrize(
    ("way", "name"),
    [
        ("by a link", "buildkite-agent"),
        ("as a copy of that name", "buildkite-agent"),
        ("by Python, of a link", "buildkite-agent"),
        ("by another name", "agent"),
        ("as it is", "bkagent"),
        ("by Python", "bkagent"),
        ("as a module", "bkagent"),
    ],
)
def test_it_speaks_under_the_name_that_it_was_called_by(archive: str, tmp_path: Path, way: str, name: str) -> None:
    program = _called(archive, tmp_path, way)

    def answer(*words: str) -> str:
        done = subprocess.run([*program, *words], cwd=TOP, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        return done.stdout.decode()

    assert answer("nope") == f"{name}: unknown subcommand \"nope\"\nRun '{name} --help' for usage.\n"
    assert answer("meta-data", "get", "k") == f"Missing agent-access-token. See: `{name} meta-data get --help`\n"
    assert answer("config", "show", "--config", "/none").startswith(f"{name}: fatal: ")
    page = answer("lock", "acquire", "--help")
    assert page.startswith(f"Usage: {name} lock acquire [options] KEY\n") and f"$({name} lock acquire deploy)" in page
    assert answer("--help").startswith(f"Usage: {name} COMMAND [options]")
    assert answer("lock").startswith(f"Usage: {name} lock COMMAND")
    # Of what it is, not of what it is called.
    assert answer("--version").startswith("buildkite-agent version ")
