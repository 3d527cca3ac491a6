"""Secrets that come along encoded: by the standard library's own encoders, cut anywhere, among anything."""

import base64
import html
import json
import random
import re
import shlex
import string
import tracemalloc
import urllib.parse
from xml.sax import saxutils

import pytest

from bkagent.redaction import encodings
from bkagent.redaction.needles import needles_of
from bkagent.redaction.redactor import ENCODED_LIMIT, Redactor
from bkagent.redaction.variables import SecretValues

MARK = b"[REDACTED]"
SOAK = pytest.mark.soak
PLAIN = string.ascii_letters + string.digits
ODD = PLAIN + "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ äß€😀"


def lower_percent(text):
    return re.sub("%[0-9A-F]{2}", lambda found: found.group().lower(), text)


ENCODERS = {
    "as it is": str,
    "base64": lambda s: base64.b64encode(s.encode()).decode(),
    "base64 without padding": lambda s: base64.b64encode(s.encode()).decode().rstrip("="),
    "base64 for URLs": lambda s: base64.urlsafe_b64encode(s.encode()).decode(),
    "base64 by echo": lambda s: base64.b64encode(s.encode() + b"\n").decode(),
    "percent": lambda s: urllib.parse.quote(s, safe=""),
    "percent, slashes kept": urllib.parse.quote,
    "percent, lower case": lambda s: lower_percent(urllib.parse.quote(s, safe="")),
    "percent as encodeURIComponent": lambda s: urllib.parse.quote(s, safe="!'()*"),
    "percent as encodeURI": lambda s: urllib.parse.quote(s, safe="!'()*;/?:@&=+$,#"),
    "form": urllib.parse.quote_plus,
    "JSON": lambda s: json.dumps(s)[1:-1],
    "JSON, all letters": lambda s: json.dumps(s, ensure_ascii=False)[1:-1],
    "JSON, slashes": lambda s: json.dumps(s)[1:-1].replace("/", "\\/"),
    "JSON in JSON": lambda s: json.dumps(json.dumps(s, ensure_ascii=False)[1:-1], ensure_ascii=False)[1:-1],
    "JSON as Go": lambda s: json.dumps(s, ensure_ascii=False)[1:-1]
    .replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"),
    "HTML": html.escape,
    "HTML, quotes kept": lambda s: html.escape(s, quote=False),
    "XML": lambda s: saxutils.escape(s, {'"': "&quot;", "'": "&apos;"}),
    "shell": lambda s: shlex.quote(s + " ")[1:-2],
    "shell trace": lambda s: s.replace("'", "'\\''"),
    "double quotes": lambda s: re.sub(r'(["\\$`])', r"\\\1", s),
}  # fmt: skip


def streamed(secrets, text, sizes):
    redactor = Redactor()
    for secret in secrets:
        redactor.add(secret)
    out, at = [], 0
    while at < len(text):
        size = next(sizes)
        out.append(redactor.feed(text[at : at + size]))
        at += size
    return b"".join(out) + redactor.flush()


def forever(size):
    while True:
        yield size


def secret_of(chance, letters, shortest=8, longest=60):
    while True:
        size = chance.randrange(shortest, longest)
        secret = "".join(chance.choice(letters) for _ in range(size)).strip()
        if len(secret) >= shortest and len(set(secret)) > 3:
            return secret


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("seeds", [range(0, 30, 3), *(pytest.param(range(at, 30, 3), marks=SOAK) for at in (1, 2))])
def test_every_form_is_replaced_wherever_the_stream_is_cut(name, seeds):
    encode = ENCODERS[name]
    for seed in seeds:
        chance = random.Random(f"{name} {seed}")
        secret = secret_of(chance, PLAIN if seed % 2 else ODD)
        shown = encode(secret).encode()
        before, after = b"## value = <", b"> ##\r\n next"
        text = before + shown + after
        sizes = range(1, len(text)) if seed < 4 else [1, 7, len(text)]
        for size in sizes:
            assert streamed([secret], text, forever(size)) == before + MARK + after, (secret, size)


def test_base64_of_a_larger_text_hides_all_that_the_secret_decides():
    for seed in range(300):
        chance = random.Random(seed)
        secret = secret_of(chance, ODD)
        before = "".join(chance.choice(PLAIN) for _ in range(chance.randrange(1, 12)))
        after = "".join(chance.choice(PLAIN) for _ in range(chance.randrange(12)))
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode((before + secret + after).encode())
            shown = streamed([secret], text, forever(chance.randrange(1, 9)))
            assert shown.count(MARK) == 1
            left, _, right = shown.partition(MARK)
            # No more stays than what the text around it takes, and the letter that both share.
            assert len(left) <= len(before) * 8 // 6 + 1 and len(right.rstrip(b"=")) <= len(after) * 8 // 6 + 2


def test_wrapped_base64_of_a_key_is_replaced():
    key = "-----BEGIN KEY-----\n" + "".join(f"{number:064x}\n" for number in range(20)) + "-----END KEY-----\n"
    for source in (key, key.strip()):
        text = b"data:\r\n" + base64.encodebytes(source.encode()).replace(b"\n", b"\r\n") + b"end\r\n"
        for size in (1, 11, 4096):
            shown = streamed([key], text, forever(size))
            assert shown.startswith(b"data:\r\n[REDACTED]") and shown.endswith(b"end\r\n") and len(shown) < 40


@pytest.mark.parametrize("many", [1, 3, 30, 200])
def test_no_form_of_any_secret_is_ever_in_the_output_and_all_else_stays(many):
    for seed in range(12 if many < 200 else 2):
        chance = random.Random(many * 1000 + seed)
        letters = chance.choice([PLAIN, ODD, "abcdef0123456789"])
        secrets = list(dict.fromkeys(secret_of(chance, letters, 12) for _ in range(many)))
        pieces, expected, forms = [], [], []
        for _ in range(120):
            filler = ("·" * chance.randrange(1, 30) + chance.choice(["\n", "\r\n", "\x1b[0m", "\x00"])).encode()
            form = chance.choice(list(ENCODERS.values()))(chance.choice(secrets)).encode()
            forms.append(form)
            pieces += (filler, form)
            expected += (filler, MARK)
        shown = streamed(secrets, b"".join(pieces), forever(chance.randrange(1, 400)))
        assert shown == b"".join(expected)
        assert not any(form in shown for form in forms)


def test_innocent_text_passes_unchanged():
    chance = random.Random(5)
    secrets = [secret_of(chance, PLAIN, 20, 40) for _ in range(100)]
    text = "".join(chance.choice(ODD + "\n\r\t") for _ in range(300_000)).encode()
    assert streamed(secrets, text, forever(chance.randrange(1, 70_000))) == text


@pytest.mark.parametrize("secret", ["password", "ChangeMe", "localhost", "aaaaaaaaaaaa", "abababab", "short12"])
def test_what_is_no_secret_when_encoded_is_left_alone_when_encoded(secret):
    text = base64.b64encode(secret.encode())
    assert encodings.forms(secret.encode()) == []
    assert streamed([secret], text + b" " + secret.encode(), forever(5)) == text + b" " + MARK


def test_the_forms_of_one_secret_and_of_all_are_limited():
    assert len(encodings.forms("".join(chr(code) for code in range(32, 0x2500, 7)).encode())) <= encodings.FORMS_LIMIT
    assert encodings.forms(b"0123456789abcdef" * 2000) == []
    redactor = Redactor()
    chance = random.Random(1)
    secrets = [secret_of(chance, ODD, 20, 30) for _ in range(600)]
    for secret in secrets:
        redactor.add(secret)
    assert len(redactor._needles) < ENCODED_LIMIT + 1200
    # The secrets themselves are all found.
    assert redactor.whole("\n".join(secrets).encode()) == b"\n".join([MARK] * 600)


def test_a_line_without_end_needs_no_memory():
    redactor = Redactor()
    chance = random.Random(2)
    for _ in range(20):
        redactor.add(secret_of(chance, PLAIN, 20, 40))
    redactor.add("first line of several\nsecond line of several")
    block = bytes(chance.choice(b"abcdefgh ") for _ in range(65536))
    redactor.feed(block)
    tracemalloc.start()
    try:
        for _ in range(80):  # 5 MB, of which 2 MB must do
            assert len(redactor.feed(block)) > 60000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000


def test_fields_are_scrubbed_of_encoded_forms():
    env = {"A_TOKEN": "a&b/c d'e\"f-secret"}
    for encode in ENCODERS.values():
        assert SecretValues(env, ["*_TOKEN"]).scrub(f"<{encode(env['A_TOKEN'])}>") == "<[REDACTED]>"


def test_the_text_itself_comes_before_its_forms():
    assert [needle.first for needle in needles_of("plain-secret")] == [b"plain-secret"]
