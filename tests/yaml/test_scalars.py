"""What single scalars are."""

import pytest

from bkagent.yaml.load import load
from bkagent.yaml.scalars import key_text, resolve
from bkagent.yaml.timestamp import timestamp


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"), ("off", "off"), ("True", True), ("tRUE", "tRUE"), ("Null", None), ("", None), ("nULL", "nULL"),
        ("007", 7), ("010", 8), ("0o10", 8), ("-0x10", -16), ("0b101", 5), ("1_000", 1000), ("+5", 5),
        ("09", 9.0), ("1e3", 1000.0), (".5", 0.5), ("5.", 5.0), ("1e400", "1e400"), ("1.2.3", "1.2.3"),
        ("1:30", "1:30"),
        ("18446744073709551615", 2**64 - 1), ("18446744073709551616", float(2**64)),
        ("-9223372036854775809", -float(2**63)),
        (".inf", float("inf")), ("-.INF", -float("inf")), (".INf", ".INf"),
        ("0x1ffffffffffffffff", "0x1ffffffffffffffff"),
        ("-", "-"), ("+", "+"), (".", "."), ("1" * 5000, "1" * 5000), ("٣", "٣"), ("1²", "1²"),
    ],
)  # fmt: skip
def test_plain_scalars_have_the_types_of_go(text, value):
    found = resolve(text)
    assert (type(found), found) == (type(value), value)


def test_not_a_number_is_one():
    found = resolve(".NaN")
    assert isinstance(found, float) and found != found


@pytest.mark.parametrize(
    "text", ["2001-02-30", "2001-1", "20011-1-1", "2001-01-01T10:00:00", "2001-01-01 10:00:00 Z", "x"]
)
def test_what_only_looks_like_a_date_is_text(text):
    assert timestamp(text) is None
    assert resolve(text) == text


def test_a_zone_that_is_utc_is_written_as_z():
    assert timestamp("2001-02-03T04:05:06.1200+00:00").rfc3339 == "2001-02-03T04:05:06.12Z"


def test_keys_are_texts():
    assert list(load("{1: a, 0x10: b, true: c, 1.5: d, 2001-1-2: e, .inf: f, '~': g}")) == [
        "1", "16", "true", "1.500000e+00", "2001-1-2", "+Inf", "~",
    ]  # fmt: skip
    assert key_text(None) is None and key_text([]) is None


def test_pairs_of_escapes_make_one_character_as_in_json():
    assert load('"\\ud83d\\udd11"') == "\U0001f511"
