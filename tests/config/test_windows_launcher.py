"""The .exe launchers as files; tests/windows/test_in_job_commands.py runs them."""

from __future__ import annotations

import re
import subprocess
import sys
import types
import zipfile
from pathlib import Path

import pytest

from bkagent.config.launching import windows_launcher
from bkagent.errors import ConfigError

STUB = b"MZ stub"
CODE = "import sys\nprint('ran', sys.argv)\n"


def _line(launcher: bytes) -> str:
    return launcher[len(STUB) :].split(b"\n")[0].decode()


def test_the_line_starts_the_code_that_the_launcher_carries(tmp_path: Path) -> None:
    launcher = windows_launcher.content(STUB, "C:\\Program Files\\python.exe", CODE)
    (tmp_path / "bkagent.exe").write_bytes(launcher)
    parts = re.fullmatch(r'#!"C:\\Program Files\\python.exe" -I -S -c "([^"%!\\]+)"', _line(launcher))
    assert parts, _line(launcher)
    argv = [sys.executable, "-I", "-S", "-c", parts.group(1), str(tmp_path / "bkagent.exe"), "a b"]
    done = subprocess.run(argv, stdout=subprocess.PIPE, check=True, text=True)
    assert done.stdout == f"ran ['-c', {str(tmp_path / 'bkagent.exe')!r}, 'a b']\n"


@pytest.mark.parametrize("folder", ["p", "p" * 200, "é" * 100])
def test_the_stub_finds_the_line_where_it_looks_for_it(tmp_path: Path, folder: str) -> None:
    """At the place from which the offsets of the archive count, and whole within 260 bytes."""
    launcher = windows_launcher.content(STUB, f"C:\\{folder}\\python.exe", CODE)
    end = launcher.rindex(b"PK\5\6")
    size, offset = (int.from_bytes(launcher[end + at : end + at + 4], "little") for at in (12, 16))
    assert launcher[end - size - offset :].startswith(b"#!") and end - size - offset == len(STUB)
    assert len(_line(launcher).encode()) < 260
    # Where it is too long to name a place, Python takes the launcher for an archive.
    assert ("seek" in _line(launcher)) is (folder == "p")
    (tmp_path / "bkagent.exe").write_bytes(launcher)
    with zipfile.ZipFile(str(tmp_path / "bkagent.exe")) as archive:
        assert archive.testzip() is None and archive.read("__main__.py").decode() == CODE


def test_paths_that_the_stub_has_no_room_for_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"the path of Python, C:\\p+\\python\.exe, is too long"):
        windows_launcher.content(STUB, "C:\\" + "p" * 240 + "\\python.exe", CODE)
    windows_launcher.check_folder("p" * 238, ["buildkite-agent"])
    with pytest.raises(ConfigError, match=r"too long a path .* 260 characters .* --state-path"):
        windows_launcher.check_folder("p" * 240, ["buildkite-agent"])


def test_a_checkout_takes_the_stub_of_its_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spec = types.SimpleNamespace(origin=str(tmp_path / "ensurepip" / "__init__.py"))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: spec)
    with pytest.raises(ConfigError, match="a Python that has pip .* use bkagent.pyz"):
        windows_launcher.files(["bkagent"], "C:\\python.exe", "C:\\checkout")
    (tmp_path / "ensurepip" / "_bundled").mkdir(parents=True)
    with zipfile.ZipFile(str(tmp_path / "ensurepip" / "_bundled" / "pip-24.3-py3-none-any.whl"), "w") as wheel:
        wheel.writestr("pip/_vendor/distlib/t64.exe", STUB)
    files = windows_launcher.files(["bkagent"], "C:\\python.exe", "C:\\checkout")
    assert set(files) == {"bkagent", "bkagent.exe"}
    assert files["bkagent"] == b'#!/bin/sh\nexec "$0.exe" "$@"\n' and files["bkagent.exe"].startswith(STUB)
