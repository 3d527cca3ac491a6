"""The folder that all workers of one run of pytest share: it outlives a worker, and no run leaves one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes import installed_archive

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TESTS = """
import os, signal
import pytest

@pytest.mark.parametrize("number", range(6))
def test_note(number, run_folder, tmp_path):
    assert run_folder not in tmp_path.parents and run_folder.is_dir()
    with open(run_folder.parent / "noted", "a") as noted:
        print(run_folder.name, os.getpid(), file=noted)
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("workers_count", [0, 2])
def test_all_workers_share_a_folder_that_ends_with_the_run(tmp_path: Path, workers_count: int) -> None:
    (tmp_path / "test_notes.py").write_text(TESTS if workers_count else TESTS.replace("number == 2", "False"))
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    words = ("-p", "tests.conftest", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words, "-n", str(workers_count), str(tmp_path / "test_notes.py")],
        cwd=TOP, env={**os.environ, "TMPDIR": str(temporary)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == (1 if workers_count else 0), done.stdout.decode()
    notes = [line.split() for line in (temporary / "noted").read_text().splitlines()]
    assert len(notes) == 6 and len({folder for folder, _ in notes}) == 1
    assert len({process for _, process in notes}) >= max(workers_count, 1)
    assert [path.name for path in temporary.iterdir() if not path.name.startswith("pytest-of-")] == ["noted"]


def test_what_was_left_half_installed_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def install(packed_archive: str, folder: Path) -> str:
        (folder / "bin").mkdir()
        return str(folder / "bin" / packed_archive)

    monkeypatch.setattr(installed_archive, "install", install)
    (tmp_path / "installed").touch()
    (tmp_path / "bin").mkdir()
    path = installed_archive.install_once("bkagent.pyz", tmp_path)
    assert os.path.isdir(os.path.dirname(path)) and installed_archive.install_once("bkagent.pyz", tmp_path) == path
