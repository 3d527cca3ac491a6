"""The pages in docs/reference are those that the tables make now."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Dict

import pytest

from tests.conftest import TOP

PACKAGING = os.path.join(TOP, "packaging")
FOLDER = Path(TOP) / "docs" / "reference"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> "Dict[str, str]":
    """Return every page by its file's name, made anew."""
    monkeypatch.syspath_prepend(PACKAGING)
    import manpage
    import reference

    return {**reference.pages(), "bkagent.1": manpage.text()}


def test_the_pages_are_not_stale(made: "Dict[str, str]") -> None:
    there = {path.name: path.read_text("utf-8") for path in FOLDER.iterdir()}
    assert there == made, "run `python3 packaging/tasks.py reference` and `python3 packaging/tasks.py manpage`"


def test_the_pages_are_the_same_on_every_machine(made: "Dict[str, str]") -> None:
    code = "import sys; sys.path.insert(0, sys.argv[1]); import reference; print(reference.pages()['start.md'], end='')"
    environ = {"PATH": os.environ["PATH"], "HOME": "/elsewhere", "COLUMNS": "50", "BUILDKITE_SHELL": "/odd"}
    argv = [sys.executable, "-c", code, PACKAGING]
    done = subprocess.run(argv, env=environ, cwd="/", stdout=subprocess.PIPE, encoding="utf-8", check=True)
    assert done.stdout == made["start.md"]


def test_the_manual_page_holds_no_request_by_accident(made: "Dict[str, str]") -> None:
    known = {".TH", ".ad", ".SH", ".SS", ".B", ".I", ".PP", ".TP", ".nf", ".fi", '.\\"'}
    for line in made["bkagent.1"].splitlines():
        assert not line.startswith("'")
        assert not line.startswith(".") or line.split(" ")[0] in known, line
