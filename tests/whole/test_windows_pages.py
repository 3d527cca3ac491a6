"""What the pages and scripts for Windows say exists: halves of system, tests, checks, parameters and commands."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import List, Set

import pytest

from bkagent.cli import table
from tests.source_tree import TOP

SYSTEM = Path(TOP, "bkagent", "system")
SCRIPTS = ("install.ps1", "selftest.ps1")


def _read(*path: str) -> str:
    return Path(TOP, *path).read_text(encoding="utf-8")


def _checks() -> Set[str]:
    names = re.findall(r"^def check_(\w+)\(trial\):$", _read("windows", "selftest.py"), re.MULTILINE)
    return {name.replace("_", "-") for name in names}


def _parameters(script: str) -> List[str]:
    block = _read("windows", script).partition("\nparam(\n")[2].partition("\n)\n")[0]
    return re.findall(r"\[(?:string|switch)\] \$(\w+)", block)


def test_each_half_for_windows_has_a_row_with_a_test_that_is_there() -> None:
    page = _read("docs", "windows.md")
    rows = dict(re.findall(r"^\| `([a-z_/]+\.py)` \|.*\| (.*) \|$", page, re.MULTILINE))
    halves = {path.relative_to(SYSTEM).as_posix() for path in SYSTEM.rglob("_*_windows.py")}
    assert set(rows) == halves
    for half, tests in rows.items():
        named = re.findall(r"`(tests/[^`]+)`", tests)
        assert named and all(os.path.exists(os.path.join(TOP, test)) for test in named), half


def test_the_page_lists_each_check_of_the_self_test() -> None:
    page = _read("docs", "windows.md").partition("## Not yet seen")[2]
    listed = [
        name for cell in re.findall(r"^\| .* \| (.*) \|$", page, re.MULTILINE) for name in re.findall("`(.+?)`", cell)
    ]
    assert sorted(listed) == sorted(_checks()) and len(listed) > 10


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_is_ascii_and_explains_each_parameter(script: str) -> None:
    text = _read("windows", script)
    assert text.isascii(), "Windows PowerShell reads a script without a mark in the old code page of the system"
    assert re.findall(r"^\.PARAMETER (\w+)$", text, re.MULTILINE) == _parameters(script)
    assert max(map(len, text.splitlines())) <= 150, "the lines cannot be read"


def test_commands_that_an_administrator_is_told_to_type_exist() -> None:
    for page in (_read("windows", "README.md"), _read("docs", "windows.md")):
        for script, words in re.findall(r"-File (\w+\.ps1)(.*)", page):
            assert set(re.findall(r"\s-(\w+)", words)) <= set(_parameters(script)), words
        for line in re.findall(r"^    bkagent (.*)$", page, re.MULTILINE):
            words = line.split()
            assert words[0].startswith("--") or table.find(words)[0] in table.COMMANDS, line


def test_commands_that_the_scripts_run_exist() -> None:
    for script in (*SCRIPTS, "selftest.py"):
        text = _read("windows", script)
        for words in re.findall(r"""['"]service['"], ['"](\w+)['"]""", text):
            assert f"service {words}" in table.COMMANDS
