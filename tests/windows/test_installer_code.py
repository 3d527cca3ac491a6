"""The Python code within windows/install.ps1, run by Windows Pythons. The script itself needs a real Windows."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.source_tree import TOP
from tests.windows.wine_session import WineSession


def _snippet(name: str) -> str:
    """Return the code that a variable of the script holds."""
    script = Path(TOP, "windows", "install.ps1").read_text(encoding="ascii")
    code = re.search(rf"^\${name} = '((?:[^']|'')*)'", script, re.MULTILINE)
    assert code is not None
    return code.group(1).replace("''", "'")


@pytest.fixture
def installed(packed_archive: str, tmp_path: Path) -> Path:
    """Return an archive in a folder `bin` of an installation, by the name that it has until it has run."""
    folder = tmp_path / "Program Files" / "bin"
    folder.mkdir(parents=True)
    return Path(shutil.copy(packed_archive, str(folder / "bkagent.pyz.new")))


def test_a_python_is_recognised_and_named(wine: WineSession, python: str) -> None:
    assert wine.run(wine.python(python), "-I", "-S", "-c", _snippet("CheckPython")).returncode == 0
    named = wine.run(wine.python(python), "-I", "-S", "-c", _snippet("NamePython")).stdout.strip()
    assert named.replace("\\\\", "\\").lower() == wine.python(python).lower()


def test_the_code_is_unpacked_once_for_all_users(wine: WineSession, installed: Path, python: str) -> None:
    words = ("-I", "-S", "-c", _snippet("UnpackForAll"), wine.windows_path(installed))
    done = wine.run(wine.python(python), *words)
    assert (done.returncode, done.stdout) == (0, ""), done
    (code,) = (installed.parents[1] / "lib" / "bkagent" / "code").iterdir()
    assert (code / "bkagent" / "controlplane").is_dir() and (code / "python").read_text().strip()
    (code / "bkagent" / "version.py").write_text((code / "bkagent" / "version.py").read_text() + "\nprint('shared')\n")
    program = installed.rename(installed.with_suffix(""))
    done = wine.run(wine.python(python), "-I", "-S", wine.windows_path(program), "--version")
    assert done.returncode == 0 and "shared" in done.stdout, done
