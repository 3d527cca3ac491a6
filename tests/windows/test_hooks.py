"""Hooks on Windows: batch files and programs, what they change, and paths and line ends that are hard on cmd.exe."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Callable

import pytest

from tests.fakes.control_plane import FakeControlPlane
from tests.windows.windows_agent import WindowsAgent
from tests.windows.wine_session import WineSession

Start = Callable[..., WindowsAgent]
_SHOW = 'echo cwd=%CD%, from=%FROM_HOOK%, odd="%ODD%", mixed=%mIXED_name%, gone=[%Gone%]'


@pytest.fixture
def hooks(tmp_path: Path) -> Path:
    """Return a folder for hooks, in whose name are signs that mean something to cmd.exe."""
    folder = tmp_path / "my hooks & 100%!^"
    folder.mkdir()
    return folder


def windows_path(path: Path) -> str:
    return "Z:" + str(path).replace("/", "\\")


def write(path: Path, *lines: str, line_end: str = "\r\n") -> None:
    path.write_bytes("".join(line + line_end for line in lines).encode())


def test_changes_of_batch_hooks_reach_the_job(start_agent: Start, hooks: Path, python: str) -> None:
    write(
        hooks / "environment.bat",
        "@echo off", "set FROM_HOOK=hello world", 'set "ODD=a^^b & c|d %% e"', "set Mixed_Name=one", "exit /b 0",
    )  # fmt: skip
    write(hooks / "pre-command.cmd", "@set MIXED_NAME=%MIXED_NAME% two", "@set GONE=", "@mkdir deeper", "@cd deeper")
    agent = start_agent(python, "--hooks-path", windows_path(hooks))
    job = agent.run_job(_SHOW, {"Gone": "there", "Kept_Name": "x"})
    assert job.finish["exit_status"] == "0", job.text
    assert r'widgets\deeper, from=hello world, odd="a^^b & c|d % e", mixed=one two, gone=[]' in job.text, job.text
    assert "# MIXED_NAME added" in job.text and "# GONE removed" in job.text


def test_line_ends_of_unix_and_labels_work(start_agent: Start, hooks: Path) -> None:
    write(
        hooks / "pre-command.bat", "@echo off", "goto :there", "echo skipped", ":there", "echo arrived", line_end="\n"
    )
    job = start_agent("3.13", "--hooks-path", windows_path(hooks)).run_job("echo command")
    assert job.finish["exit_status"] == "0" and "arrived" in job.text and "skipped" not in job.text


def test_the_status_of_a_hook_and_of_one_that_ends_its_shell(start_agent: Start, hooks: Path) -> None:
    write(hooks / "pre-command.bat", "@set LOST=yes", "@exit 0")  # ends the wrapper, too: its changes are not seen
    write(hooks / "post-command.bat", "@echo post [%LOST%] after %BUILDKITE_COMMAND_EXIT_STATUS%", "@exit /b 300")
    write(hooks / "pre-exit.bat", "@echo pre-exit after %BUILDKITE_LAST_HOOK_EXIT_STATUS%")
    job = start_agent("3.13", "--hooks-path", windows_path(hooks)).run_job("exit 5")
    assert job.finish["exit_status"] == "300" and "post [] after 5" in job.text, job.text
    assert "the agent post-command hook exited with status 300" in job.text and "pre-exit after 300" in job.text


def test_a_program_is_a_hook(wine: WineSession, start_agent: Start, hooks: Path) -> None:
    shutil.copy(wine.unix_path(r"C:\windows\system32\hostname.exe"), hooks / "pre-command.exe")
    job = start_agent("3.13", "--hooks-path", windows_path(hooks)).run_job("echo command")
    header = job.text.split("Running agent pre-command hook")[1]
    assert wine.run("hostname").stdout.strip() in header.split("~~~")[0]


def test_a_shell_hook_without_bash_says_what_is_missing(start_agent: Start, hooks: Path) -> None:
    write(hooks / "pre-command", "echo from bash", line_end="\n")
    job = start_agent("3.13", "--hooks-path", windows_path(hooks)).run_job("echo command")
    assert job.finish["exit_status"] == "1" and "bash.exe" in job.text and "Git for Windows" in job.text, job.text


def test_a_script_of_another_language_is_refused_by_name(start_agent: Start, hooks: Path) -> None:
    write(hooks / "pre-command", "#!/usr/bin/env python3", "print(1)", line_end="\n")
    job = start_agent("3.13", "--hooks-path", windows_path(hooks)).run_job("echo command")
    assert job.finish["exit_status"] == "1" and "Windows does not run a script by its shebang line" in job.text


def test_a_job_with_two_names_for_one_variable_is_refused(start_agent: Start, plane: FakeControlPlane) -> None:
    agent = start_agent("3.13", "--allowed-repositories", "^https://good/")
    job = agent.run_job("echo ran", {"BUILDKITE_REPO": "https://good/x", "buildkite_repo": "https://evil/x"})
    assert job.finish["signal_reason"] == "agent_refused" and "ran" not in job.text
    assert "names that differ from others only by case: buildkite_repo" in job.text
    env = {"buildkite_repo": "https://evil/x"}
    other = plane.add_job("echo ran", env)
    del other.env["BUILDKITE_REPO"]
    assert other.wait_finished() and other.finish["signal_reason"] == "agent_refused", other.text


def test_allow_lists_of_variables_ignore_case(start_agent: Start) -> None:
    agent = start_agent("3.13", "--enable-environment-variable-allowlist", "--allowed-environment-variables", "^MY_.*$")
    assert "my=1" in agent.run_job("echo my=%MY_VALUE%", {"my_value": "1"}).text
    assert agent.run_job("echo ran", {"your_value": "1"}).finish["signal_reason"] == "agent_refused"
