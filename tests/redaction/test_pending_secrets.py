"""The needles of tokens are made when a text may need them, and not before: no text may tell the difference."""

import base64
import random
import string

import pytest

from bkagent.redaction import encodings, pending_secrets
from bkagent.redaction.redactor import ENCODED_LIMIT, Redactor

TOKEN_LETTERS = string.ascii_letters + string.digits + "-_."


def redactor_for(secrets):
    redactor = Redactor()
    for secret in secrets:
        redactor.add(secret)
    return redactor


def eager_redactor_for(secrets, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(pending_secrets, "_MOST_SECRETS_COUNT", 0)
        return redactor_for(secrets)


def some_secrets(chance):
    lengths = (1, 5, 6, 7, 8, 9, 10, 11, 12, 20, 43, 90, 200)
    tokens = ["".join(chance.choices(TOKEN_LETTERS, k=chance.choice(lengths))) for _ in range(3)]
    return tokens + chance.choice([[], ["pass word!"], ["first line\n  second line"]])


@pytest.mark.parametrize("seed", range(150))
def test_a_stream_comes_out_as_if_all_needles_had_been_there_from_the_start(seed, monkeypatch):
    chance = random.Random(seed)
    secrets = some_secrets(chance)
    lazy, eager = redactor_for(secrets), eager_redactor_for(secrets, monkeypatch)
    forms = [form for secret in secrets for form in (secret.encode(), *encodings.forms(secret.encode()))]
    words = [b"built ", b"ok\n", b"done\r\n", b"~~~ Running\r\n", b"x", b""]
    for _ in range(12):
        form = chance.choice(forms)
        pieces = [chance.choice(words) for _ in range(3)]
        if chance.random() < 0.4:
            at = chance.randrange(len(form) + 1)
            pieces += chance.choice([[form], [form[:at], form[at:]], [form[:at]], [form[:at], b"\n", form[at:]]])
        for piece in pieces:
            assert lazy.feed(piece) == eager.feed(piece)
        line = chance.choice([b"$ make", b"x" + form, form[: len(form) // 2]])
        assert lazy.whole(line) == eager.whole(line)
    assert lazy.flush() == eager.flush()


def test_lines_without_a_trace_of_a_token_need_no_needles():
    redactor = redactor_for(["bkaj_0123456789abcdef", "short-token"])
    assert redactor.feed(b"building\r\n") == b"building\r\n" and redactor.whole(b"$ make all") == b"$ make all"
    assert not redactor._needles
    assert redactor.feed(b"token: bkaj_0123456789abcdef\r\n") == b"token: [REDACTED]\r\n" and redactor._needles


def test_much_output_is_searched_for_all_needles_at_once():
    redactor = redactor_for(["bkaj_0123456789abcdef"])
    for _ in range(100):
        redactor.feed(b"line\n" * 200)
    assert redactor._needles


def test_secrets_that_come_later_leave_room_for_the_encoded_forms_of_a_token():
    token = "bkaj_0123456789abcdef"
    later = [f"{number} & 'more' \"of\" <these>" for number in range(ENCODED_LIMIT // 20)]
    redactor = redactor_for([token, *later])
    assert len(redactor._needles) > ENCODED_LIMIT
    assert redactor.feed(base64.b64encode(token.encode()) + b"\n") == b"[REDACTED]\n"
