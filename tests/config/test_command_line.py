"""How words become flags and arguments: what the reference's parser makes of them, odd cases included."""

from typing import Dict, List

import pytest

from bkagent.config.kinds import FLAG, LIST, TEXT, WHOLE
from bkagent.config.option import Option
from bkagent.config.sources.command_line import split
from bkagent.errors import UsageError

OPTIONS = (
    Option("context", TEXT, ""), Option("style", TEXT, ""), Option("append", FLAG, False), Option("tag", LIST, ()),
    Option("priority", WHOLE, 0),
)  # fmt: skip

LINES = {
    "flag before": (["--context", "c", "body"], {"context": ["c"]}, ["body"]),
    "flag behind": (["body", "--context", "c"], {"context": ["c"]}, ["body"]),
    "flag between": (["a", "--context=c", "b"], {"context": ["c"]}, ["a", "b"]),
    "one dash": (["-context", "c", "body"], {"context": ["c"]}, ["body"]),
    "one dash with a value": (["-context=c"], {"context": ["c"]}, []),
    "empty value": (["--context="], {"context": [""]}, []),
    "empty word as value": (["--context", "", "b"], {"context": [""]}, ["b"]),
    "equals in the value": (["--context=a=b"], {"context": ["a=b"]}, []),
    "value with a dash": (["--context", "-5"], {"context": ["-5"]}, []),
    "value that is a known flag": (["--context", "--append", "x"], {"context": ["--append"]}, ["x"]),
    "value that asks for help": (["--context", "--help", "x"], {"context": ["--help"]}, ["x"]),
    "double dash as a value": (["--context", "--", "x"], {"context": ["--"]}, ["x"]),
    "repeated": (["--tag", "a", "--tag=b"], {"tag": ["a", "b"]}, []),
    "true by being there": (["x", "--append"], {"append": ["true"]}, ["x"]),
    "said to be false": (["--append=false", "x"], {"append": ["false"]}, ["x"]),
    "false behind a flag is an argument": (["--append", "false"], {"append": ["true"]}, ["false"]),
    "an argument behind a true flag ends the flags": (
        ["--append", "body", "--context", "c"], {"append": ["true"]}, ["body", "--context", "c"],
    ),
    "flags before that one count": (
        ["--context", "c", "--append", "body"], {"context": ["c"], "append": ["true"]}, ["body"],
    ),
    "double dash ends flags": (["--", "--context"], {}, ["--context"]),
    "double dash behind an argument ends flags": (["body", "--", "--context", "c"], {}, ["body", "--context", "c"]),
    "a second double dash stays": (["body", "--", "--", "c"], {}, ["body", "--", "c"]),
    "flags before the double dash": (["body", "--context", "c", "--", "-x"], {"context": ["c"]}, ["body", "-x"]),
    "an unknown flag before the double dash": (["-x", "--", "c"], {}, ["-x", "c"]),
    "only the first double dash goes": (["--", "--"], {}, ["--"]),
    "unknown flag behind an argument": (["body", "--odd"], {}, ["body", "--odd"]),
    "known flags around an unknown one": (
        ["body", "--odd", "--context", "c"], {"context": ["c"]}, ["body", "--odd"],
    ),
    "last flag takes the first argument": (["body", "--style"], {"style": ["body"]}, []),
    "a lone dash is an argument": (["-", "--context", "c"], {"context": ["c"]}, ["-"]),
    "an equals sign is an argument": (["=x"], {}, ["=x"]),
    "an empty argument": (["", "b"], {}, ["", "b"]),
    "help": (["body", "-h"], {"help": ["true"]}, ["body"]),
    "help is not wanted": (["body", "--help=false"], {}, ["body"]),
}  # fmt: skip


@pytest.mark.parametrize("name", LINES)
def test_words_become_flags_and_arguments(name: str) -> None:
    words, flags, arguments = LINES[name]
    line = split(words, OPTIONS)
    assert (line.flags, line.arguments) == (flags, arguments)


@pytest.mark.parametrize(
    "words, sentence",
    [
        (["--style"], "flag needs a value: --style"),
        (["--odd", "body"], "unknown flag --odd"),
        (["--sytle", "x"], "did you mean --style"),
        (["--odd", "--help"], "unknown flag --odd"),
        (["-5"], 'write "--" before an argument'),
        (["---context", "c"], "is not a flag"),
        (["--=x"], "is not a flag"),
    ],
)
def test_what_is_no_command_line(words: List[str], sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        split(words, OPTIONS)
    assert sentence in str(caught.value)


NOTES: Dict[str, List[str]] = {
    '"--context" is taken as an argument, since "body" before it ended the flags': ["--append", "body", "--context"],
    'the last flag, --style, has no value of its own and took "body" as its value': ["body", "--style"],
    '"--sytle" is taken as an argument: unknown flag --sytle; did you mean --style?': ["body", "--sytle"],
}


@pytest.mark.parametrize("note", NOTES)
def test_what_was_hardly_meant_is_said(note: str) -> None:
    assert split(NOTES[note], OPTIONS).notes == [note]


def test_nothing_is_said_about_what_was_meant() -> None:
    for words in (["-5", "x"], ["body", "-5"], ["body", "--style", "x"], ["--style", "--context", "x"]):
        try:
            assert split(words, OPTIONS).notes == [], words
        except UsageError:
            assert words[0] == "-5"
    assert split(["--", "body", "--style"], OPTIONS).notes == []
