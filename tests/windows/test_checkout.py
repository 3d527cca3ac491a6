"""A checkout by Windows' own git, from a server and from a folder, and `local run`, which does both."""

from __future__ import annotations

import ensurepip
import os
import socket
import subprocess
import zipfile
from pathlib import Path
from typing import Callable, Iterator

import pytest

from bkagent.config.launching import windows_launcher
from tests.windows.windows_agent import WindowsAgent
from tests.windows.wine_session import TIMEOUT_S, WineSession

_MIRRORS = ("--git-mirrors-path", "C:\\the mirrors")
Start = Callable[..., WindowsAgent]
# git starts `git-upload-pack` of a folder by a shell, which Git for Windows has and the bed has not.
_SHELL = """
import shlex, subprocess, sys
words = shlex.split(sys.argv[3])
sys.exit(subprocess.call(["git", words[0].replace("git-", "", 1), *words[1:]]))
"""


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Return a work tree with one commit: a batch file, a hook and a pipeline, line ends of Windows."""
    folder = tmp_path / "my work"
    (folder / ".buildkite" / "hooks").mkdir(parents=True)
    (folder / "hello.bat").write_bytes(b"@echo hello from %FROM_HOOK%\r\n@exit /b 0\r\n")
    (folder / ".buildkite" / "hooks" / "pre-command.bat").write_bytes(b"@set FROM_HOOK=the repository\r\n")
    (folder / ".buildkite" / "pipeline.yml").write_text("steps:\n  - command: |\n      hello.bat\n      echo after\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "one")
    return folder


@pytest.fixture
def address(work: Path) -> Iterator[str]:
    """Return the address of a server of that repository."""
    git(work, "clone", "-q", "--bare", str(work), str(work.parent / "served" / "r.git"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    served = str(work.parent / "served")
    words = ["--reuseaddr", "--export-all", f"--base-path={served}", f"--port={port}", "--listen=127.0.0.1", served]
    # Not by `git daemon`, whose child would outlive it.
    daemon = subprocess.Popen([os.path.join(git(work, "--exec-path"), "git-daemon"), *words])
    yield f"git://127.0.0.1:{port}/r.git"
    daemon.terminate()
    daemon.wait()


@pytest.fixture
def git_folder(wine: WineSession) -> str:
    if wine.git_folder is None:
        pytest.skip("no git.exe in the Windows bed: BED_GIT=1 makes it with one")
    return wine.git_folder


@pytest.fixture
def git_path(wine: WineSession, git_folder: str, tmp_path: Path) -> str:
    """Return the folders of git and of a stand-in for the shell by which git serves a folder."""
    wheel = next((Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl"))
    stub = zipfile.ZipFile(wheel).read("pip/_vendor/distlib/t64.exe")
    (tmp_path / "shell").mkdir()
    (tmp_path / "shell" / "sh.exe").write_bytes(windows_launcher.content(stub, wine.python("3.13"), _SHELL))
    return f"{git_folder};{wine.windows_path(tmp_path / 'shell')}"


@pytest.mark.parametrize(
    ("kind", "mirrors"), [("git", ()), ("git", _MIRRORS), ("file", _MIRRORS), ("file", ()), ("folder", ())]
)
def test_a_repository_is_checked_out_and_used_again(
    wine: WineSession,
    start_agent: Start,
    work: Path,
    address: str,
    git_path: str,
    kind: str,
    mirrors: "tuple[str, ...]",
) -> None:
    agent = start_agent("3.13", *mirrors, path=git_path)
    commit = git(work, "rev-parse", "HEAD")
    served = wine.windows_path(work.parent / "served" / "r.git")
    address = {"git": address, "file": "file://" + served.replace("\\", "/"), "folder": served}[kind]
    for way in ("git clone", "git fetch"):
        job = agent.plane.add_job("hello.bat\necho after", {"BUILDKITE_REPO": address, "BUILDKITE_COMMIT": commit})
        del job.env["BUILDKITE_SKIP_CHECKOUT"]
        assert agent.plane.wait_for(lambda job=job: job.finishes, TIMEOUT_S), agent.said
        assert job.finish["exit_status"] == "0", job.text
        assert way in job.text and "hello from the repository\nafter" in job.text, job.text


def test_local_run_runs_the_pipeline_of_a_work_tree(
    wine: WineSession, packed_archive: str, work: Path, git_path: str
) -> None:
    (work / "changed.txt").write_text("not committed")
    done = wine.run(wine.python("3.13"), wine.windows_path(packed_archive), "local", "run", cwd=work, path=git_path)
    assert done.returncode == 0, done
    assert "hello from the repository\nafter\n" in done.stdout and "passed" in done.stdout.splitlines()[-1], done.stdout
    (work / "hello.bat").write_bytes(b"@exit /b 9\r\n")
    done = wine.run(wine.python("3.13"), wine.windows_path(packed_archive), "local", "run", cwd=work, path=git_path)
    assert done.returncode == 9 and "\nafter\n" not in done.stdout, done
    assert "Error: The command exited with status 9" in done.stdout  # after a sign that no old code page has
