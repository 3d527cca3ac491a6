"""Secrets that flags give leave the command line that other processes see, before anything else happens."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import List

import pytest

from bkagent.cli import main, table
from tests.fakes.agent_process import clean_environment
from tests.fakes.packed_archive import archive, own_temporary

__all__ = ["archive", "own_temporary"]

SECRET = "sekret-9f2c"
linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems let no process change what they show")

# Runs the archive as its header does, and writes down what is imported while the last word can still be seen.
SPY = """
import sys
secret, into, modules = sys.argv[-1].encode(), sys.argv.pop(1), []
def spy(event, arguments):
    if event != "import":
        return
    with open("/proc/self/cmdline", "rb") as shown:
        can_be_seen = secret in shown.read()
    if can_be_seen:
        modules.append(arguments[0])
    elif modules:
        with open(into, "wb") as file:  # as text it would import more
            file.write(" ".join(modules).encode())
        modules.clear()
sys.addaudithook(spy)
sys.path.insert(0, sys.argv[1])
from archive_entry import run
run()
"""
OURS = {
    "bkagent", "bkagent.cli", "bkagent.cli.main", "bkagent.cli.secret_flags", "bkagent.system",
    "bkagent.system.own_memory", "bkagent.system._own_memory_linux",
}  # fmt: skip


def seen_with(archive: str, home: Path, *words: str) -> List[str]:
    """Run a command line whose last word is the secret; return what was imported while that could be seen."""
    into = home / "modules"
    argv = [sys.executable, "-I", "-S", "-c", SPY, str(into), archive, *words, SECRET]
    subprocess.run(
        argv, env=clean_environment(home), cwd=str(home), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, timeout=60, check=False,
    )  # fmt: skip
    return into.read_text().split()


@linux
def test_a_secret_is_hidden_before_anything_is_loaded_or_unpacked(archive: str, tmp_path: Path) -> None:
    for words in (
        ["start", "--token"], ["start", "--token"], ["annotate", "body", "--agent-access-token"],
        ["bootstrap", "-git-ssh-key"], ["start", "--unknown", "--token"],
    ):  # fmt: skip
        modules = seen_with(archive, tmp_path, *words)
        assert {name for name in modules if name.startswith("bkagent")} == OURS, words
        assert not {"zipfile", "shutil", "json", "subprocess"} & set(modules), words
    assert (tmp_path / ".buildkite-agent" / "bkagent" / "code").is_dir()


def test_every_flag_that_holds_a_secret_is_known_before_its_command_is_loaded() -> None:
    options = (option for name in table.COMMANDS if name != "help" for option in table.load(name).options)
    assert {option.name for option in options if option.secret} == set(main.SECRET_FLAGS)
