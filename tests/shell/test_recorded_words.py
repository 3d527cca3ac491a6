"""Words, quotes and prompts, as they were recorded of the reference."""

import pytest

from bkagent.shell import prompt, words
from tests.fakes import vectors


@pytest.mark.parametrize("case", [*vectors.of("words", "words"), *vectors.of("edges", "words")])
def test_words(case):
    if "error" in case:
        with pytest.raises(ValueError):
            words.split(case["input"], "\\")
    else:
        assert words.split(case["input"], "\\") == case["words"]


@pytest.mark.parametrize("case", vectors.of("edges", "batch"))
def test_words_on_windows(case):
    if "error" in case:
        with pytest.raises(ValueError):
            words.split(case["input"], "^")
    else:
        assert words.split(case["input"], "^") == case["words"]


@pytest.mark.parametrize("case", [*vectors.of("words", "quote"), *vectors.of("edges", "quote")])
def test_quotes(case):
    assert words.quoted(case["input"]) == case["quoted"]


@pytest.mark.parametrize("case", vectors.of("words", "prompt"))
def test_prompts(case):
    assert prompt.command_line([case["command"], *case["args"]]) == case["prompt"]
