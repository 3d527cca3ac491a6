"""The line that Windows programs are given, by the rules of those that split it."""

import pytest

from bkagent.system import windows_command_line as command_line

_SHELL = r"C:\Windows\system32\cmd.exe"


@pytest.mark.parametrize(
    ("argument", "quoted"),
    [
        ("plain", "plain"), ("", '""'), ("a b", '"a b"'), ("a\tb", '"a\tb"'), ('say "x"', '"say \\"x\\""'),
        ("C:\\a b\\", '"C:\\a b\\\\"'), ("C:\\ab\\", "C:\\ab\\"), ('\\"', '"\\\\\\""'), ("%PATH%^&!", "%PATH%^&!"),
    ],
)  # fmt: skip
def test_an_argument_reaches_a_program_as_it_is(argument: str, quoted: str) -> None:
    assert command_line.quoted(argument) == quoted
    assert command_line.of_program(["C:\\a b\\x.exe", argument]) == f'"C:\\a b\\x.exe" {quoted}'


def test_a_batch_file_with_blanks_in_its_path_is_one_word_to_the_shell() -> None:
    line = command_line.of_program([_SHELL, "/S", "/C", "C:\\Temp dir\\a&b\\x.bat"])
    assert line == f'{_SHELL} /S /C ""C:\\Temp dir\\a&b\\x.bat""'


def test_other_words_of_the_shell_are_left_as_they_are() -> None:
    assert command_line.of_program([_SHELL, "/S", "/C", "echo a"]) == f'{_SHELL} /S /C "echo a"'
    assert command_line.of_program([_SHELL]) == _SHELL


@pytest.mark.parametrize("name", ["a.bat", "A.CMD", "a.bat.", "a.cmd .. "])
def test_a_batch_file_is_known_whatever_windows_ignores_of_its_name(name: str) -> None:
    assert command_line.runs_by_shell("C:\\x\\" + name)


@pytest.mark.parametrize("name", ["a.exe", "a", "bat", "a.bat.exe", "a.ps1"])
def test_others_are_no_batch_files(name: str) -> None:
    assert not command_line.runs_by_shell("C:\\x.bat\\" + name)


@pytest.mark.parametrize(
    ("argument", "quoted"),
    [
        ("a", '"a"'), ('" & calc & "', '""" & calc & """'), ("%PATH%", '"%%cd:~,%PATH%%cd:~,%"'), ("a\\", '"a\\\\"'),
        ('a\\"b', '"a\\\\""b"'), ("!x!^y", '"!x!^y"'),
    ],
)  # fmt: skip
def test_nothing_of_an_argument_of_a_batch_file_is_a_command(argument: str, quoted: str) -> None:
    line = command_line.of_batch_file(_SHELL, ["C:\\a b\\git.cmd", argument])
    assert line == f'"{_SHELL}" /d /e:ON /v:OFF /s /c ""C:\\a b\\git.cmd" {quoted}"'


@pytest.mark.parametrize("argument", ["a\nb", "a\r", "\0"])
def test_what_no_batch_file_can_be_given_is_refused(argument: str) -> None:
    with pytest.raises(ValueError, match="an argument of a batch file"):
        command_line.of_batch_file(_SHELL, ["x.bat", argument])
