"""windows/bkagent.cmd: which Python it starts, and that arguments and exit statuses pass through."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import Dict

import pytest

from tests.fakes.control_plane import FakeControlPlane
from tests.source_tree import TOP
from tests.windows.wine_session import WineSession

# Stands in for the archive: says which Python runs it, what its arguments are, and ends with 7.
_ARCHIVE = "import sys\nprint(sys.executable.lower())\nfor word in sys.argv[1:]: print('<' + word + '>')\nsys.exit(7)\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a space in its name that has the command file and a stand-in for the archive."""
    installed = tmp_path / "Program Files (x86)" / "bin"
    installed.mkdir(parents=True)
    shutil.copy(f"{TOP}/windows/bkagent.cmd", str(installed))
    with zipfile.ZipFile(str(installed / "bkagent.pyz"), "w") as archive:
        archive.writestr("__main__.py", _ARCHIVE)
    return installed


def _link_python(wine: WineSession, folder: Path, version: str = "3.13") -> str:
    """Put a Python into a folder; return what it says its path is."""
    shutil.copytree(str(wine.bed / f"python{version}"), str(folder), ignore=shutil.ignore_patterns("Lib", "tcl"))
    (folder / "Lib").symlink_to(wine.bed / f"python{version}" / "Lib")
    return wine.windows_path(folder / "python.exe").lower()


def _run(wine: WineSession, folder: Path, words: str, env: Dict[str, str], path: str = "") -> "tuple[int, list[str]]":
    """Run the command with words as they stand in a batch file."""
    caller = folder.parents[1] / "caller.cmd"
    command = wine.windows_path(folder / "bkagent.cmd")
    caller.write_bytes(f'@"{command}" {words}\r\n'.encode("ascii"))
    done = wine.run("cmd", "/c", wine.windows_path(caller), env=env, path=path)
    return done.returncode, done.stdout.splitlines() + done.stderr.splitlines()


def test_the_nearest_python_runs_and_words_and_status_pass_through(wine: WineSession, folder: Path) -> None:
    words = '"a b" (c) d!e --name=%%spawn "x;y" "100%%" "e^f&g"'
    shown = ["<a b>", "<(c)>", "<d!e>", "<--name=%spawn>", "<x;y>", "<100%>", "<e^f&g>"]
    on_path = wine.python("3.8").rpartition("\\")[0]
    assert _run(wine, folder, words, env={}, path=on_path) == (7, [wine.python("3.8").lower(), *shown])
    beside = _link_python(wine, folder.parent / "python")
    assert _run(wine, folder, words, env={}, path=on_path) == (7, [beside, *shown])
    (folder / "bkagent.python").write_bytes(wine.python("3.8").encode("ascii") + b"\r\n")
    assert _run(wine, folder, words, env={}) == (7, [wine.python("3.8").lower(), *shown])
    named = {"BKAGENT_PYTHON": wine.python("3.13")}
    assert _run(wine, folder, words, env=named) == (7, [wine.python("3.13").lower(), *shown])


def test_without_a_python_one_sentence_says_so(wine: WineSession, folder: Path) -> None:
    status, lines = _run(wine, folder, "start", env={})
    assert status == 127 and len(lines) == 1 and lines[0].startswith("bkagent needs Python 3.8 or newer"), lines
    (folder / "bkagent.python").write_bytes(b"C:\\gone\\python.exe\r\n")
    status, lines = _run(wine, folder, "start", env={})
    assert status == 127 and "names a Python that is not there: C:\\gone\\python.exe; install.ps1" in lines[0], lines


def test_a_python_of_one_zip_beside_the_archive_runs_jobs(
    wine: WineSession, plane: FakeControlPlane, packed_archive: str, tmp_path: Path
) -> None:
    """As python.org's embeddable package is laid out: a zip with the library, and a file that says so."""
    source, embedded = wine.bed / "python3.13", tmp_path / "box" / "python"
    embedded.mkdir(parents=True)
    for file in [*source.glob("*.exe"), *source.glob("*.dll"), *(source / "DLLs").iterdir()]:
        shutil.copy(str(file), str(embedded))
    (embedded / "python313._pth").write_text("python313.zip\n.\n", encoding="ascii")
    with zipfile.ZipFile(str(embedded / "python313.zip"), "w") as library:
        for file in sorted((source / "Lib").rglob("*.py")):
            name = file.relative_to(source / "Lib").as_posix()
            if not name.startswith(("test/", "idlelib/", "site-packages/", "tkinter/", "ensurepip/", "lib2to3/")):
                library.write(str(file), name)
    for file in (f"{TOP}/windows/bkagent.cmd", packed_archive):
        shutil.copy(file, str(tmp_path / "box"))
    job = plane.add_job("echo from %OS%")
    argv = [wine.windows_path(tmp_path / "box" / "bkagent.cmd"), "start", "--disconnect-after-job", "--no-color"]
    argv += ["--build-path", wine.windows_path(tmp_path / "builds"), "--endpoint", plane.endpoint]
    done = wine.run("cmd", "/c", *argv, env={"BUILDKITE_AGENT_TOKEN": plane.token})
    assert done.returncode == 0 and job.finish["exit_status"] == "0" and "from Windows_NT" in job.text, (done, job.text)
