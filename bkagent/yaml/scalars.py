"""What a scalar is: null, a boolean, a number, a timestamp or a text, as Go's yaml.v3 decides for untyped values."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, Optional, Union

from bkagent.yaml.timestamp import Timestamp, timestamp

Scalar = Union[None, bool, int, float, str, Timestamp]

_WORDS: "dict[str, Scalar]" = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    ".nan": float("nan"), ".NaN": float("nan"), ".NAN": float("nan"),
    ".inf": float("inf"), ".Inf": float("inf"), ".INF": float("inf"),
    "+.inf": float("inf"), "+.Inf": float("inf"), "+.INF": float("inf"),
    "-.inf": float("-inf"), "-.Inf": float("-inf"), "-.INF": float("-inf"),
}  # fmt: skip
_MAY_BE_NUMBER = frozenset("0123456789+-.")
_INTEGER = re.compile(
    r"[+-]?(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[oO]?(?P<octal>[0-7]+)|0[bB](?P<binary>[01]+)|0|[1-9][0-9]*)"
)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_BETWEEN_DIGITS = re.compile(r"(?<=[0-9])_(?=[0-9])")
_BASES = {"hex": 16, "octal": 8, "binary": 2}
MOST_DIGITS = 65  # more, in any base, are more than 64 bits


def resolve(text: str) -> Scalar:
    """Return the value of a plain scalar without a tag."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _MAY_BE_NUMBER:
        return text
    time = timestamp(text) if text[4:5] == "-" else None
    if time is not None:
        return time
    # What begins with a point is read by the rules of Go, where an underscore stands between two digits.
    number = _number(_BETWEEN_DIGITS.sub("", text) if text[0] == "." else text.replace("_", ""))
    return text if number is None else number


def _number(plain: str) -> Optional[Union[int, float]]:
    match = _INTEGER.fullmatch(plain)
    if match:
        digits = (match.group(match.lastgroup) if match.lastgroup else plain.lstrip("+-")).lstrip("0")
        number = int(digits[:MOST_DIGITS] or "0", _BASES.get(match.lastgroup or "", 10))
        if plain[0] == "-":
            number = -number
        # What has a sign is read as a signed number of 64 bits alone.
        if -(1 << 63) <= number < (1 << 63 if plain[0] in "+-" else 1 << 64):
            return number
    if _FLOAT.fullmatch(plain):
        value = float(plain)
        return value if abs(value) != float("inf") else None
    return None


def tagged(tag: str, text: str, plain: bool) -> Scalar:
    """Return the value of a scalar with a tag. Raises ValueError with what the tag wants.

    Tags that are not YAML's own leave a text as it is written.
    """
    if tag == "!":
        return resolve(text) if plain else text
    if tag == "!!binary":
        try:
            return base64.b64decode("".join(text.split()), validate=True).decode("utf-8", "surrogateescape")
        except (binascii.Error, ValueError):
            raise ValueError("base64") from None
    wanted = _TYPES.get(tag)
    if wanted is None:
        return text
    value: Any = resolve(text)
    if tag == "!!float" and type(value) is int:
        value = float(value)
    if type(value) is not wanted[0]:
        raise ValueError(wanted[1])
    return value  # type: ignore[no-any-return]


_TYPES = {
    "!!null": (type(None), "null"),
    "!!bool": (bool, "true or false"),
    "!!int": (int, "a whole number"),
    "!!float": (float, "a number"),
    "!!timestamp": (Timestamp, "a date or a time such as 2001-02-03T04:05:06Z"),
}


def key_text(value: Any) -> Optional[str]:
    """Return a value as the text of a mapping's key, or None where it cannot be one."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}.get(str(value), f"{value:e}")
    return value.text if isinstance(value, Timestamp) else None
