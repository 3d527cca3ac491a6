"""Emulators of object stores, in Python: real programs that are not ours, as packages of PyPI.

`.ci/run` installs them below `.venv/stores`, in the versions of store_emulators.txt. Tests of them are skipped, by
name, where they are missing.
"""

from __future__ import annotations

import re
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import List, Mapping, Optional, Type

import pytest

FOLDER = Path(__file__).resolve().parents[2] / ".venv" / "stores"
_PINS = Path(__file__).with_name("store_emulators.txt")
_START_LIMIT_S = 60.0


def python() -> str:
    """Return the interpreter that has the packages, or skip the test where it is missing."""
    return _program("python", "moto")


def program(name: str, package: str) -> str:
    """Return the path of a program that a package brings, or skip the test, by name, where it is missing."""
    return _program(name, package)


def _program(name: str, package: str) -> str:
    for path in (FOLDER / "bin" / name, FOLDER / "Scripts" / f"{name}.exe"):
        if path.exists():
            return str(path)
    pytest.skip(f"{_pin(package)} is not installed (pip install -r tests/fakes/{_PINS.name}, below .venv/stores)")


def _pin(package: str) -> str:
    lines = _PINS.read_text(encoding="utf-8").splitlines()
    return next(line for line in lines if re.match(rf"{re.escape(package)}\W", line))


class EmulatorProcess:
    """An emulator that runs until the end of a `with` statement. `url` is where it listens, taken from its output."""

    def __init__(self, command: List[str], listens: str, environ: Optional[Mapping[str, str]] = None) -> None:
        """Start the command. `listens` is a pattern whose first group is the URL in a line that the program prints."""
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environ
        )
        self._ready = threading.Event()
        self._lines: List[str] = []
        self._pattern = re.compile(listens)
        self.url = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> EmulatorProcess:
        self._ready.wait(_START_LIMIT_S)
        assert self.url, f"{self._process.args!r} has not started: {''.join(self._lines[-20:])}"
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.append(line.decode("utf-8", "replace"))
            del self._lines[:-200]
            listens = self._pattern.search(self._lines[-1])
            if listens and not self.url:
                self.url = listens.group(1)
                self._ready.set()
        self._ready.set()
