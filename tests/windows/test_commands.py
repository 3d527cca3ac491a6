"""Commands on Windows: lines, quotes and signs of cmd.exe, other shells, scripts, and where they are written to."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

from tests.windows.windows_agent import WindowsAgent
from tests.windows.wine_session import WineSession

Start = Callable[..., WindowsAgent]
_ARGUMENTS = "import sys; print(sys.argv[1:])"


def test_signs_of_the_shell_mean_what_they_mean_in_a_batch_file(start_agent: Start, python: str) -> None:
    agent = start_agent(python)
    job = agent.run_job('set "A=x y"\necho [%A%] 100%% ^^ ^& !A! "q^q" & echo next>out.txt\ntype out.txt')
    assert job.finish["exit_status"] == "0" and '[x y] 100% ^ & !A! "q^q"' in job.text and "next" in job.text, job.text


def test_the_first_line_that_fails_is_the_last(start_agent: Start) -> None:
    job = start_agent("3.13").run_job("echo one\ncmd /c exit 7\necho two")
    assert job.finish["exit_status"] == "7" and "two" not in job.text.split("exit 7\necho two")[1]


def test_batch_files_come_back_to_the_command(start_agent: Start, tmp_path: Path) -> None:
    tools = tmp_path / "my tools"
    tools.mkdir()
    (tools / "npm.cmd").write_bytes(b"@echo npm %*\r\n@exit /b 0\r\n")
    folder = "Z:" + str(tools).replace("/", "\\")
    job = start_agent("3.13", path=folder).run_job(f'npm ci && npm test\n"{folder}\\npm.cmd" x\nnpm last')
    printed = [line.rstrip() for line in job.text.split("\n")]
    assert printed[printed.index("npm ci") :] == ["npm ci", "npm test", "npm x", "npm last", ""], job.text


def test_another_shell_gets_the_command_as_one_argument(wine: WineSession, start_agent: Start) -> None:
    command = 'a "quoted" \\"word\\\\\n%PATH% ^& é €'
    agent = start_agent("3.13", "--shell", f"{wine.python('3.13')} -I -S -X utf8 -c '{_ARGUMENTS}'")
    job = agent.run_job(command)
    assert repr([command]) in job.text, job.text


def test_arguments_of_a_batch_file_are_no_commands(wine: WineSession, start_agent: Start, tmp_path: Path) -> None:
    show = tmp_path / "show it.cmd"
    show.write_bytes(f'@"{wine.python("3.13")}" -I -S -c "{_ARGUMENTS}" %*\r\n'.encode())
    agent = start_agent("3.13", "--shell", f'"{wine.windows_path(show)}"')
    hostile = '" & echo pwned & rem %OS% "'
    job = agent.run_job(hostile)
    assert job.finish["exit_status"] == "0" and repr([hostile]) in job.text, job.text


def test_a_temporary_folder_with_blanks_and_signs_is_made_and_left_empty(
    wine: WineSession, start_agent: Start, tmp_path: Path
) -> None:
    folder = tmp_path / "a & b 100%"
    job = start_agent("3.13").run_job(
        "echo ran here", {"TEMP": wine.windows_path(folder), "TMP": wine.windows_path(folder)}
    )
    assert job.finish["exit_status"] == "0" and "\nran here" in job.text, job.text
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(start_agent: Start) -> None:
    job = start_agent("3.13").run_job("echo ran", {"TEMP": "Q:\\none", "TMP": "Q:\\none"})
    assert job.finish["exit_status"] == "1" and "Q:\\none" in job.text and "internal error" not in job.text, job.text


def test_a_folder_in_which_windows_starts_nothing_is_named(
    wine: WineSession, start_agent: Start, tmp_path: Path
) -> None:
    deep = wine.windows_path(tmp_path)
    while len(deep) < 300:
        deep += "\\" + "d" * 40
    job = start_agent("3.13", "--build-path", deep).run_job("echo ran")
    assert job.finish["exit_status"] == "-1" and "choose a shorter build path" in job.text, job.text
