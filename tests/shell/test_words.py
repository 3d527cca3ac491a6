"""Splitting command lines into words, quoting words, and how commands are shown."""

import random

import pytest

from bkagent.shell import prompt, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  a\tb\nc ", ["a", "b", "c"]),
        ("/bin/bash -e -c", ["/bin/bash", "-e", "-c"]),
        ("'a b'c\"d e\"", ["a bcd e"]),
        ("a '' b", ["a", "", "b"]),
        ("'it'\\''s'", ["it's"]),
        (r"'a\'b'", ["a'b"]),
        (r"a\ b", ["a b"]),
        ("a\\", ["a"]),
        ("\\", []),
        ("$HOME `x` #y ~ *.txt", ["$HOME", "`x`", "#y", "~", "*.txt"]),
        ("a\u00a0b", ["a\u00a0b"]),
    ],
)
def test_words_are_split_as_the_reference_does(text: str, expected: "list[str]") -> None:
    assert words.split(text, "\\") == expected


@pytest.mark.parametrize("text", ["'", 'a "b', "'a\\'", '"a\\'])
def test_a_quote_that_is_not_closed_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="closing quote"):
        words.split(text, "\\")


def test_on_windows_a_caret_escapes_and_a_doubled_quote_is_one() -> None:
    assert words.split('C:\\x\\y "say ""hi""" a^ b', "^") == ["C:\\x\\y", 'say "hi"', "a b"]


@pytest.mark.skipif(words.ON_WINDOWS, reason="the rules of POSIX")
def test_a_quoted_word_splits_into_itself() -> None:
    chance = random.Random(20260725)
    letters = "ab \t\n'\"\\$&;|<>()*?[]{}~`^!#=,é☃"
    for _ in range(2000):
        word = "".join(chance.choice(letters) for _ in range(chance.randrange(12)))
        assert words.split(words.quoted(word)) == [word]


@pytest.mark.skipif(words.ON_WINDOWS, reason="the rules of POSIX")
@pytest.mark.parametrize(
    ("word", "shown"),
    [("", '""'), ("plain-1.2/x:y@z%w+v", "plain-1.2/x:y@z%w+v"), ("a b", '"a b"'), ("a;b", "a\\;b"), ('"', '\\"')],
)
def test_words_are_quoted_for_prompts(word: str, shown: str) -> None:
    assert words.quoted(word) == shown


def test_a_prompt_quotes_arguments_with_blanks_and_nothing_else() -> None:
    assert prompt.command_line(["git", "log", "--format=%h %s", "", "it's", "a\nb"]) == (
        'git log "--format=%h %s"  it\'s "a\\nb"'
    )


@pytest.mark.parametrize(
    ("argument", "shown"),
    [
        ("y " + "z" * 117, "y " + "z" * 117),
        ("y " + "z" * 118, "y " + "z" * 118 + "..."),
        ("y " + "z" * 119, "y " + "z" * 118 + "..."),
        ("y\n" + "z" * 118, "y\\n" + "z" * 118 + "..."),
        ("y " + "é" * 59, "y " + "é" * 59 + "..."),
        ("y z" + "é" * 59, "y z" + "é" * 59 + "..."),
        ("y " + "☃" * 40, "y " + "☃" * 39 + "\\xe2\\x98..."),
        ("y z" + "☃" * 39, "y z" + "☃" * 39 + "..."),
        ("y " + "🎉" * 30, "y " + "🎉" * 29 + "\\xf0\\x9f\\x8e..."),
    ],
)
def test_a_prompt_cuts_an_argument_at_its_limit_of_bytes(argument: str, shown: str) -> None:
    assert prompt.command_line(["x", argument]) == f'x "{shown}"'


def test_a_prompt_cuts_a_long_argument_with_blanks_at_120_bytes() -> None:
    assert prompt.command_line(["x", "y " + "z" * 200]) == 'x "y ' + "z" * 118 + '..."'
    assert prompt.command_line(["x", "y" * 200]) == "x " + "y" * 200
    assert prompt.command_line(["x", "☃" * 39 + " ééé"]) == 'x "' + "☃" * 39 + ' é..."'
