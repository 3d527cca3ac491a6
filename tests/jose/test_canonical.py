"""Canonical JSON: the numbers of RFC 8785 appendix B, and what has no canonical form."""

import json
import struct

import pytest

from bkagent.jose import canonical

NUMBERS = {
    "0000000000000000": "0", "8000000000000000": "0", "0000000000000001": "5e-324", "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308", "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992", "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000", "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23", "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000", "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21", "3eb0c6f7a0b5ed8c": "9.999999999999997e-7", "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332", "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333", "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343", "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}  # fmt: skip


@pytest.mark.parametrize("bits, text", NUMBERS.items())
def test_numbers(bits, text):
    assert canonical.dumps(struct.unpack(">d", bytes.fromhex(bits))[0]).decode() == text


def test_whole_numbers_are_doubles():
    assert canonical.dumps([9007199254740993, 10**21, 10**20, -5, True]) == (
        b"[9007199254740992,1e+21,100000000000000000000,-5,true]"
    )


def test_names_are_sorted_by_their_code_units():
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\x80", "\u00f6"]  # RFC 8785 section 3.2.3
    ordered = ["\r", "1", "\x80", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    assert list(json.loads(canonical.dumps(dict.fromkeys(names)))) == ordered


def test_texts():
    text = '\u20ac$\x0f\nA\'B"\\\\"/\x7f\b\f\t\r'
    assert canonical.dumps(text).decode() == '"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/\x7f\\b\\f\\t\\r"'


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400, "\ud800", {"\udc00": 1}, b"", {1}])
def test_what_json_cannot_hold(value):
    with pytest.raises(ValueError, match=r"JSON|surrogate"):
        canonical.dumps([value])
