"""Places that Windows is particular about: accounts without a profile, names of devices, long paths, code pages."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from subprocess import CompletedProcess
from typing import Callable

import pytest

from tests.windows.windows_agent import WindowsAgent
from tests.windows.wine_session import WineSession

TOP = Path(__file__).resolve().parents[2]
Start = Callable[..., WindowsAgent]
_NO_PROFILE = "@for %%v in (USERPROFILE HOMEPATH HOMEDRIVE LOCALAPPDATA APPDATA TEMP TMP) do @set %%v=\r\n"
_TEMPORARY_STATE = "C:\\Windows\\Temp\\bkagent-root"
_REMOVE = """
import sys
sys.path.insert(0, sys.argv[1])
from bkagent.system.tree_removal import remove_tree
remove_tree(sys.argv[2])
"""


@pytest.fixture
def spool_list(
    wine: WineSession, packed_archive: str, tmp_path: Path, python: str
) -> "Callable[[], CompletedProcess[str]]":
    """Return what runs `spool list` as an account without a profile."""
    script = tmp_path / "no profile.bat"
    archive = wine.windows_path(packed_archive)
    script.write_bytes((_NO_PROFILE + f'@"{wine.python(python)}" "{archive}" spool list\r\n').encode())
    return lambda: wine.run("cmd", "/c", wine.windows_path(script))


def _unix_state(wine: WineSession) -> Path:
    return wine.prefix / "drive_c" / "windows" / "temp" / "bkagent-root"


def test_an_account_without_a_profile_has_its_state_in_the_systems_temporary_folder(
    wine: WineSession, spool_list: "Callable[[], CompletedProcess[str]]"
) -> None:
    shutil.rmtree(_unix_state(wine), ignore_errors=True)
    done = spool_list()
    assert (done.returncode, done.stderr) == (0, "") and _TEMPORARY_STATE in done.stdout, done
    assert _unix_state(wine).stat().st_mode & 0o007 == 0


def test_no_code_is_run_from_a_temporary_folder_that_another_user_has_made(
    wine: WineSession, spool_list: "Callable[[], CompletedProcess[str]]"
) -> None:
    assert spool_list().returncode == 0
    place = _unix_state(wine)
    (planted,) = place.glob("code/*/bkagent/cli/main.py")
    planted.write_text("print('planted')")
    for path in (place, *place.rglob("*")):
        os.chown(path, 12345, 12345)
    done = spool_list()
    shutil.rmtree(place)
    assert done.returncode == 1 and "planted" not in done.stdout, done
    assert f"the folder {_TEMPORARY_STATE} belongs to another user (" in done.stderr and "set HOME" in done.stderr


def test_the_configuration_of_the_reference_is_used(wine: WineSession, packed_archive: str, python: str) -> None:
    for folder in ("C:\\users\\root\\AppData\\Local\\BuildkiteAgent", "C:\\buildkite-agent"):
        place = wine.unix_path(folder)
        place.mkdir(parents=True, exist_ok=True)
        (place / "buildkite-agent.cfg").write_bytes(f'name="of {folder[:18]}"\r\n'.encode())
        done = wine.run(wine.python(python), wine.windows_path(packed_archive), "config", "show")
        assert f"of {folder[:18]}" in done.stdout, done
    for folder in ("C:\\users\\root\\AppData\\Local\\BuildkiteAgent", "C:\\buildkite-agent"):
        (wine.unix_path(folder) / "buildkite-agent.cfg").unlink()


@pytest.mark.parametrize("slug", ["aux", "nul.x", "a:b", "dot."])
def test_a_slug_that_windows_takes_for_something_else_fails_the_job(start_agent: Start, slug: str) -> None:
    job = start_agent("3.13").run_job("echo ran", {"BUILDKITE_PIPELINE_SLUG": slug})
    assert job.finish["exit_status"] != "0" and "BUILDKITE_PIPELINE_SLUG" in job.text and slug in job.text, job.text


def test_a_tree_with_paths_of_any_length_is_removed(wine: WineSession, python: str, tmp_path: Path) -> None:
    folder = deep = tmp_path / "checkout"
    while len(str(deep)) < 600:
        deep = deep / ("d" * 50)
    os.makedirs(deep)
    (deep / "file").write_text("x")
    words = (wine.windows_path(TOP), wine.windows_path(folder))
    wine.run(wine.python(python), "-c", _REMOVE, *words, check=True)
    assert not folder.exists()


def test_programs_of_a_job_read_and_write_utf8(start_agent: Start) -> None:
    assert "65001" in start_agent("3.13").run_job("chcp").text.split("chcp")[-1]
