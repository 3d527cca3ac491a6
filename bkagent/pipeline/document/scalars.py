"""Plain values as texts, as the reference writes them, and errors for other types."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

from bkagent.pipeline.errors import PipelineError
from bkagent.yaml.timestamp import Timestamp


class WrongType(PipelineError):
    """A value of the wrong type. It makes its step an unknown one."""


def kind(node: Any) -> str:
    """Return the words for a value's type in a message."""
    for known, words in _KINDS:
        if isinstance(node, known):
            return words
    return "null"


_KINDS: Tuple[Tuple[type, str], ...] = (
    (bool, "true or false"), (str, "a string"), (int, "a number"), (float, "a number"), (dict, "a mapping"),
    (list, "a list"), (Timestamp, "a date (put it in quotes)"),
)  # fmt: skip


def text(node: Any, what: str) -> str:
    """Return a plain value as text: null is "", 1.0 is "1". Raises WrongType for a collection or a date."""
    if isinstance(node, str):
        return node
    if node is None:
        return ""
    if isinstance(node, bool):
        return "true" if node else "false"
    if isinstance(node, int) and node < 1 << 63:
        return str(node)
    if isinstance(node, float):
        return go_float(node)
    raise WrongType(f"{what} must be a string, not {kind(node)}")


def texts(node: Any, what: str) -> List[str]:
    """Return a list of plain values, or one of them, as texts; null is an empty list."""
    if node is None:
        return []
    if isinstance(node, list):
        return [text(element, f"item {number} of {what}") for number, element in enumerate(node, start=1)]
    return [text(node, what)]


def text_map(node: Any, what: str) -> Dict[str, str]:
    """Return a mapping of plain values as texts; null is an empty one."""
    if node is None:
        return {}
    return {key: text(scalar, f"{what}.{key}") for key, scalar in mapping(node, what).items()}


def mapping(node: Any, what: str) -> Dict[str, Any]:
    """Return a mapping. Raises WrongType for anything else."""
    if not isinstance(node, dict):
        raise WrongType(f"{what} must be a mapping, not {kind(node)}")
    return node


def digits(number: float) -> Tuple[str, str, int]:
    """Return a finite number as its sign, its fewest digits, and the place of the point behind the first of them.

    1.5 is ("", "15", 1); 0.001 is ("", "1", -2).
    """
    mantissa, _, exponent = repr(abs(number)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    point = len(whole) + int(exponent or 0)
    all_digits = whole + fraction
    significant = all_digits.lstrip("0")
    point -= len(all_digits) - len(significant)
    sign = "-" if str(number).startswith("-") else ""
    return (sign, significant.rstrip("0"), point) if significant else (sign, "0", 1)


def go_float(number: float) -> str:
    """Return a number as Go's shortest %g: with an exponent below 1e-4 and from 1e6 on."""
    if number != number or number in (float("inf"), float("-inf")):
        return {"inf": "+Inf", "-inf": "-Inf"}.get(str(number), "NaN")
    sign, significant, point = digits(number)
    if -4 <= point - 1 < 6 or significant == "0":
        return sign + plain_digits(significant, point)
    fraction = "." + significant[1:] if len(significant) > 1 else ""
    return f"{sign}{significant[0]}{fraction}e{point - 1:+03d}"


def plain_digits(significant: str, point: int) -> str:
    """Return digits with the point at its place, without an exponent."""
    if point <= 0:
        return "0." + "0" * -point + significant
    if point >= len(significant):
        return significant + "0" * (point - len(significant))
    return significant[:point] + "." + significant[point:]
