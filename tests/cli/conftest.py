"""The command line as a process of its own, without a control plane."""

import os
import subprocess
from pathlib import Path
from typing import Callable, Dict, Optional

import pytest

from bkagent.config.launching import self_command

# One command line -> what came of it.
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return a function that runs one command line in an empty folder and returns what came of it."""
    home = tmp_path / "home"
    home.mkdir()

    def start(*words: str, env: "Optional[Dict[str, str]]" = None) -> "subprocess.CompletedProcess[str]":
        environ = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", **(env or {})}
        return subprocess.run(
            self_command.command(words), env=environ, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True,
            encoding="utf-8", timeout=60,
        )  # fmt: skip

    return start
