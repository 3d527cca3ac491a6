"""Random texts: the reader returns values or raises YamlError, nothing else, and says the same each time."""

import glob
import os
import random

import pytest

from bkagent.yaml.dump import dumps
from bkagent.yaml.errors import YamlError
from bkagent.yaml.load import load, load_all

DATA = os.path.join(os.path.dirname(__file__), "..", "data", "yaml")
FRAGMENTS = (
    "a", "b c", "- ", "-", "\n", "\n  ", "\n ", ": ", ":", '"x"', "'y'", "[", "]", "{", "}", ", ", "#", "# c", "|", ">",
    "|-", ">+", "&a ", "*a", "!!str ", "!x ", "? ", "?", "\t", "---", "---\n", "...", "%", "@", "<<: ", "1",
    "0x1f", "~",
    "2001-01-02", '"a\\n', "\\", "${B:-c}", "key: ", "\u00e9", "\r\n", '"', "'", "\x00", "\u2028", "*a: ", "&a",
)  # fmt: skip


def corpus():
    texts = []
    for path in sorted(glob.glob(os.path.join(DATA, "*", "*.yaml"))):
        with open(path, encoding="utf-8", newline="") as file:
            texts.append(file.read())
    return texts


def tried(text):
    try:
        return repr(load_all(text))
    except YamlError as wrong:
        assert wrong.line >= 1 and wrong.column >= 1 and wrong.expected.startswith("expected ")
        assert wrong.line <= text.count("\n") + text.count("\r") + 1
        return str(wrong)


@pytest.mark.parametrize("seed", range(4))
def test_fragments_in_any_order(seed):
    chance = random.Random(seed)
    for _ in range(1500):
        text = "".join(chance.choice(FRAGMENTS) for _ in range(chance.randrange(1, 16)))
        assert tried(text) == tried(text), text


@pytest.mark.parametrize("seed", range(4))
def test_documents_with_a_few_changes(seed):
    chance = random.Random(100 + seed)
    texts = corpus()
    for _ in range(700):
        text = chance.choice(texts)
        for _ in range(chance.randrange(1, 4)):
            start = chance.randrange(len(text) + 1)
            text = text[:start] + chance.choice(FRAGMENTS) + text[start + chance.choice((0, 0, 1, 2, 5)) :]
        tried(text)


@pytest.mark.parametrize("seed", range(3))
def test_written_values_are_read_back(seed):
    chance = random.Random(200 + seed)
    for _ in range(400):
        value = some_value(chance, 0)
        text = dumps(value)
        assert load(text) == value, text


LETTERS = "ab \n\t:#-?[]{},&*!|>'\"%@`\\$0129.~\u00e9\u2028\x07=<é🔑"
WORDS = (
    "true", "null", "~", "1", "1.5", "0x1", "2001-01-01", "yes", "", " ", "- a", "a: b", "a #b", "# a", "---", "\n",
    "a\nb\n",
    "a\n\nb", "\na", "a\n\n", " a\n b", "<<", "...", "&a", "*a", "!x",
)  # fmt: skip


def some_value(chance, depth):
    kind = chance.randrange(10)
    if depth < 4 and kind < 2:
        return [some_value(chance, depth + 1) for _ in range(chance.randrange(4))]
    if depth < 4 and kind < 4:
        return {some_text(chance): some_value(chance, depth + 1) for _ in range(chance.randrange(4))}
    if kind == 4:
        return chance.choice((None, True, False, 0, -7, 2**63, 1.5, -0.25, 1e21, 1e-9))
    return some_text(chance)


def some_text(chance):
    if chance.random() < 0.4:
        return chance.choice(WORDS)
    return "".join(chance.choice(LETTERS) for _ in range(chance.randrange(12)))
