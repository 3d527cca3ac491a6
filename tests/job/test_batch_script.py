"""The batch file for a command of several lines, as cmd.exe is given it."""

import pytest

from bkagent.job.phases import batch_script

_STOP = "if %errorlevel% neq 0 exit /b %errorlevel%"
_BATCH_FILES = ("npm", "gradlew")


def lines_of(command: str) -> "list[str]":
    return batch_script.text_of(command, lambda name: name in _BATCH_FILES).split("\r\n")


def test_each_line_is_followed_by_a_look_at_its_status() -> None:
    assert lines_of("one\r\n\ntwo & three\n") == ["@echo off", "one", _STOP, "two & three", _STOP]


@pytest.mark.parametrize(
    ("line", "called"),
    [
        ("build.bat /x", "call build.bat /x"), ("  .\\a\\B.CMD", "  call .\\a\\B.CMD"), ("@a.bat", "call a.bat"),
        ('"my tools\\a.bat" x', 'call "my tools\\a.bat" x'), ("npm ci", "call npm ci"), ("call npm ci", "call npm ci"),
        ("npm ci && npm test", "call npm ci && call npm test"), ("cd x&npm ci", "cd x&call npm ci"),
        ("a || gradlew b", "a || call gradlew b"), ("echo a ^& npm b", "echo a ^& npm b"), ("npmx", "npmx"),
        ('echo "a & npm b"', 'echo "a & npm b"'), ("x 2>&1 && npm y", "x 2>&1 && call npm y"), ("%npm% x", "%npm% x"),
        ("npm ci>out.txt", "call npm ci>out.txt"), ("echo a.bat", "echo a.bat"),
    ],
)  # fmt: skip
def test_batch_files_are_called_so_that_the_next_line_runs(line: str, called: str) -> None:
    assert lines_of(line + "\necho last")[1] == called


@pytest.mark.parametrize(
    ("line", "called"),
    [
        ("npm ci", "npm ci"), ("npm ci && npm test", "call npm ci && npm test"), ("x.cmd 100%%", "call x.cmd 100%%"),
        ("gradlew", "gradlew"),
    ],
)  # fmt: skip
def test_after_the_last_command_of_all_nothing_has_to_run(line: str, called: str) -> None:
    assert lines_of("echo first\n" + line)[3] == called


def test_signs_of_the_shell_are_left_as_they_are() -> None:
    line = 'echo 100%% ^^ ! "a^b" %PATH:~0,3% <in >out | findstr "x"'
    assert lines_of(line)[1] == line
