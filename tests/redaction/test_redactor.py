"""Secrets are taken out of a stream, the same way however the stream is cut."""

import json
import os
import random
import threading

import pytest

from bkagent.redaction import encodings
from bkagent.redaction.needles import LONGEST_RUN
from bkagent.redaction.redactor import Redactor

VECTORS = os.path.join(os.path.dirname(__file__), "..", "data", "vectors", "redaction.json")
with open(VECTORS, encoding="utf-8") as file:
    RECORDED = json.load(file)["cases"]

# The reference knows no base64.
OURS = {"redact-093-base64-not": "[REDACTED]"}
BLANKS = b"\t\n\v\f\r "


def redactor_for(secrets):
    redactor = Redactor()
    for secret in secrets:
        redactor.add(secret)
    return redactor


def one_shot(secrets, pieces):
    redactor = redactor_for(secrets)
    return b"".join([redactor.feed(piece) for piece in pieces] + [redactor.flush()])


@pytest.mark.parametrize("case", [case for case in RECORDED if case["name"] not in OURS], ids=lambda case: case["name"])
@pytest.mark.parametrize("bytewise", [False, True], ids=["chunks", "bytes"])
def test_recorded_streams(case, bytewise):
    redactor = redactor_for(case["needles"])
    secrets = [*case["needles"], *case.get("add_before_chunk", {}).values()]
    encoded = [form for secret in secrets for form in encodings.forms(secret.strip().encode())]
    shown = reference = ""
    for number, chunk in enumerate(case["chunks"]):
        if str(number) in case.get("add_before_chunk", {}):
            redactor.add(case["add_before_chunk"][str(number)])
        data = chunk.encode()
        out = b"".join(redactor.feed(data[at : at + 1]) for at in range(len(data))) if bytewise else redactor.feed(data)
        if number in case.get("flush_after", []):
            out += redactor.flush()
        shown += out.decode()
        reference += case["written"][number]
        late = reference[len(shown) :].encode()
        assert not late or any(form.startswith(late) for form in encoded), "something is withheld without a reason"
    assert shown + redactor.flush().decode() == case["total"]


def test_base64_is_redacted_where_the_reference_shows_it():
    cases = {case["name"]: case for case in RECORDED if case["name"] in OURS}
    for name, case in cases.items():
        assert one_shot(case["needles"], [chunk.encode() for chunk in case["chunks"]]).decode() == OURS[name]


class Model:
    """The rule as it is stated, byte by byte: every partial match is followed on its own."""

    def __init__(self, secrets):
        self.needles = [[line.strip(" \t\r").encode() for line in secret.split("\n")] for secret in secrets]
        self.needles = [b"\n".join(line for line in lines if line) for lines in self.needles]

    def redacted(self, text):
        covered = []  # [start, end) of every match
        for needle in filter(None, self.needles):
            for start in range(len(text)):
                end = self.match(needle, text, start)
                if end is not None:
                    covered.append((start, end))
        out, at = b"", 0
        for start, end in self.merged(covered):
            out += text[at:start] + b"[REDACTED]"
            at = end
        return out + text[at:]

    @staticmethod
    def match(needle, text, at):
        for letter in needle:
            if letter == 0x0A:
                run = 0
                while at < len(text) and text[at] in BLANKS:
                    at, run = at + 1, run + 1
                if not run:
                    return None
            elif at < len(text) and text[at] == letter:
                at += 1
            else:
                return None
        return at

    @staticmethod
    def merged(spans):
        out = []
        for start, end in sorted(spans):
            if out and start < out[-1][1]:
                out[-1][1] = max(out[-1][1], end)
            else:
                out.append([start, end])
        return out


@pytest.mark.parametrize("block", [0, 1, *(pytest.param(block, marks=pytest.mark.soak) for block in range(2, 8))])
def test_any_secrets_in_any_stream_cut_anywhere(block):
    for seed in range(block * 500, block * 500 + 500):
        chance = random.Random(seed)
        letters = chance.choice(["ab", "abc", "ab\n", "ab \n", "a\n", "abc-\r\n "])
        secrets = [
            "".join(chance.choice(letters) for _ in range(chance.randrange(0, 9)))
            for _ in range(chance.choice([1, 2, 3, 5, 40]))
        ]
        text = "".join(chance.choice(letters) for _ in range(chance.randrange(0, 60))).encode()
        for _ in range(chance.randrange(3)):
            at = chance.randrange(len(text) + 1)
            text = text[:at] + chance.choice(secrets).replace("\n", "\r\n  ").encode() + text[at:]
        # What the letters at hand need of Go's quoting; the recorded cases know the rest.
        twins = [secret.replace("\n", "\\n").replace("\r", "\\r") for secret in secrets]
        expected = Model(secrets + twins).redacted(text)
        for _ in range(4):
            cuts = sorted(chance.randrange(len(text) + 1) for _ in range(chance.choice([0, 1, 3, 30])))
            pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)])]
            assert one_shot(secrets, pieces) == expected, (seed, secrets, pieces)
        assert redactor_for(secrets).whole(text) == expected, (seed, secrets, text)


def test_only_what_can_begin_a_secret_is_withheld():
    redactor = redactor_for(["hunter2-secret", "line one\nline two"])
    assert redactor.feed(b"login hun") == b"login "
    assert redactor.feed(b"t lin") == b"hunt "
    assert redactor.feed(b"e one \r\n ") == b""
    assert redactor.feed(b"lint ") == b"line one \r\n lint "
    assert redactor.flush() == b""


def test_a_mark_comes_out_as_soon_as_its_secret_is_whole():
    redactor = redactor_for(["abab"])
    assert redactor.feed(b"abab") == b"[REDACTED]"
    assert redactor.feed(b"ab") == b""  # the same mark: it shares two bytes with the first
    assert redactor.feed(b"x") == b"x"


def test_blanks_inside_a_secret_are_held_back_up_to_a_limit():
    redactor = redactor_for(["first\nsecond"])
    held = b"first" + b" " * LONGEST_RUN
    assert redactor.feed(held) == b""
    assert redactor.feed(b"second") == b"[REDACTED]"
    assert redactor.feed(held) == b""
    assert redactor.feed(b" ") == held + b" "


def test_a_private_key_printed_by_a_terminal_and_indented():
    key = "-----BEGIN KEY-----\n" + "".join(f"{number:064x}\n" for number in range(50)) + "-----END KEY-----\n"
    printed = b"\r\n".join(b"    " + line for line in key.encode().split(b"\n")[:-1])
    text = b"{\n" + printed + b"\r\n}\n"
    for size in (1, 7, 64, 4096):
        pieces = [text[at : at + size] for at in range(0, len(text), size)]
        assert one_shot([key], pieces) == b"{\n    [REDACTED]\r\n}\n"


def test_many_secrets_that_begin_alike_are_all_found():
    secrets = [f"ghp_{number:032x}" for number in range(200)] + [f"{number:032x}" for number in range(200)]
    text = " ".join(secrets).encode()
    assert one_shot(secrets, [text]) == b" ".join([b"[REDACTED]"] * 400)


def test_bytes_that_are_no_text_pass_and_can_be_secret():
    secret = b"\xff\xfe-secret".decode("utf-8", "surrogateescape")
    assert one_shot([secret], [b"\x80 \xff\xfe-secret \x81"]) == b"\x80 [REDACTED] \x81"


def test_secrets_may_be_added_while_another_thread_feeds():
    redactor = Redactor()
    fed = []
    begun = threading.Event()

    def feed():
        for _ in range(2000):
            fed.append(redactor.feed(b"some text secret-199 more\n"))
            begun.set()

    feeder = threading.Thread(target=feed)
    feeder.start()
    assert begun.wait(10)
    for number in range(200):
        redactor.add(f"secret-{number}")
    feeder.join()
    assert redactor.feed(b"some text secret-199 more\n") == b"some text [REDACTED] more\n"
    shown = b"".join(fed)
    assert shown.count(b"\n") == 2000 and set(shown.split(b"\n")) <= {
        b"some text secret-199 more",
        b"some text [REDACTED]99 more",  # while secret-1 was known and secret-199 was not
        b"some text [REDACTED]9 more",
        b"some text [REDACTED] more",
        b"",
    }
