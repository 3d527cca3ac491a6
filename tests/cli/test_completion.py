"""Completion scripts, tried in the shells themselves where those are installed."""

import shutil
import subprocess
from pathlib import Path
from typing import List

import pytest

from bkagent.cli import table
from tests.cli.conftest import Run

ASKED = {
    "bkagent meta-d": ["meta-data"],
    "bkagent meta-data ge": ["get"],
    "bkagent meta-data get --defa": ["--default"],
    "bkagent config show --log-for": ["--log-format"],
    "bkagent start --log-format ": ["json", "text"],
    "bkagent start --log-format j": ["json"],
    "bkagent help artifact dow": ["download"],
    "bkagent help anno": ["annotate", "annotation"] if "annotation remove" in table.COMMANDS else ["annotate"],
    "bkagent annotate --conte": ["--context"],
    "bkagent server lo": ["login-url"],
    "bkagent server --open": ["--open-pages"],
    "bkagent server login-url --da": ["--data"],
}


def _needs(shell: str) -> str:
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"{shell} is not installed")
    return path


@pytest.fixture
def script(run: Run, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    shell = request.param
    done = run("completion", shell)
    assert done.returncode == 0 and done.stderr == ""
    path = tmp_path / f"completion.{shell}"
    path.write_text(done.stdout, encoding="utf-8")
    return path


@pytest.mark.parametrize("script", ["bash"], indirect=True)
def test_bash(script: Path) -> None:
    program = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _bkagent; echo "${COMPREPLY[@]}"'
    bash = _needs("bash")
    for line, words in ASKED.items():
        argv = [bash, "--norc", "-c", program, "bash", str(script), *line.split(" ")]
        done = subprocess.run(argv, capture_output=True, encoding="utf-8", timeout=60)
        assert done.returncode == 0 and done.stderr == ""
        assert sorted(done.stdout.split()) == words, line


@pytest.mark.parametrize("script", ["fish"], indirect=True)
def test_fish(script: Path) -> None:
    fish = _needs("fish")
    for line, words in ASKED.items():
        if line.startswith("bkagent help"):
            continue
        argv = [fish, "-N", "-c", f"source {script}; complete -C '{line}'"]
        done = subprocess.run(argv, capture_output=True, encoding="utf-8", timeout=60)
        assert sorted(row.split("\t")[0] for row in done.stdout.splitlines()) == words, line


@pytest.mark.parametrize("script", ["zsh"], indirect=True)
def test_zsh_reads_its_script(script: Path) -> None:
    done = subprocess.run([_needs("zsh"), "-n", str(script)], capture_output=True, encoding="utf-8", timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_names_every_command(shell: str, run: Run) -> None:
    text = run("completion", shell).stdout
    words: List[str] = [word for name in table.COMMANDS if name not in table.HIDDEN for word in name.split()]
    assert all(word in text for word in words)
    assert "job-process" not in text


@pytest.mark.parametrize(
    "words, said",
    [
        (["tcsh"], 'shell must be one of bash, zsh, fish, not "tcsh" (argument SHELL)'),
        ([], "Missing shell. See: `bkagent completion --help`"),
    ],
)
def test_a_shell_must_be_named(words: List[str], said: str, run: Run) -> None:
    done = run("completion", *words)
    assert done.returncode == 1 and said in done.stderr
