"""Secrets of any length and number are found, whichever grid of words they are looked up by."""

import random
import string

import pytest

from bkagent.redaction.needles import MARK, needles_of
from bkagent.redaction.redactor import Redactor
from bkagent.redaction.search import Search

LETTERS = string.ascii_letters + string.digits
# Shortest and longest of the secrets, and how many. Each is searched the fastest by other words.
MIXTURES = [(4, 6, 3), (4, 12, 1), (7, 40, 5), (11, 15, 20), (15, 18, 40), (19, 22, 20), (23, 60, 10), (39, 90, 60)]
SHOWN_BY_MIXTURE = [f"{low} to {high} letters, {count}" for low, high, count in MIXTURES]


def drawn(chance, low, high, count):
    return ["".join(chance.choice(LETTERS) for _ in range(chance.randrange(low, high + 1))) for _ in range(count)]


def stream_of(chance, secrets):
    """Return a text of secrets, almost-secrets and other words, and the same with each secret replaced."""
    text, expected = [], []
    for _ in range(chance.randrange(1, 120)):
        secret = chance.choice(secrets)
        word = chance.choice([secret, secret[:-1], secret[1:], secret[:7], chance.choice("xyz") * 30])
        if word in secrets or not any(each in word for each in secrets):
            text.append(word)
            expected.append(MARK.decode() if word in secrets else word)
    separator = chance.choice(["|", "\r\n", " ~ "])
    return separator.join(text).encode(), separator.join(expected).encode()


@pytest.mark.parametrize("mixture", MIXTURES, ids=SHOWN_BY_MIXTURE)
def test_secrets_of_any_length_and_number_are_found(mixture):
    for seed in range(8):
        chance = random.Random(seed)
        redactor, secrets = Redactor(), []
        for _ in range(3):  # more are added while the stream goes on
            added = drawn(chance, *mixture)
            secrets += added
            for secret in added:
                redactor.add(secret)
            text, expected = stream_of(chance, secrets)
            cuts = sorted(chance.randrange(len(text) + 1) for _ in range(chance.choice([0, 1, 5, 60])))
            pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)])]
            shown = b"".join([redactor.feed(piece) for piece in pieces] + [redactor.flush()])
            assert shown == expected, seed


def test_the_words_of_thousands_of_secrets_are_limited():
    search = Search()
    for secret in drawn(random.Random(1), 40, 60, 6000):
        search.add(needles_of(secret))
    search.touched(b"x")
    assert len(search._words) <= search._grid.words_limit
