"""The operators of conditions, on texts, numbers, booleans, None and lists of texts."""

from __future__ import annotations

from typing import Any

from bkagent.pipeline.conditional.lexer import error_at
from bkagent.pipeline.conditional.regex import ConditionPattern


def equal(left: Any, right: Any, at: int) -> bool:
    """Compare two values of one type, or one with null."""
    if left is None or right is None:
        return left is right
    if isinstance(left, ConditionPattern) or isinstance(right, ConditionPattern):
        error_at(at, "a regular expression is matched with =~ or !~, not compared")
    if type(left) is not type(right):
        error_at(at, f"{kind(left)} cannot be compared with {kind(right)}")
    return bool(left == right)


def matches(left: Any, right: Any, at: int) -> bool:
    """Search a text for a regular expression; null has no match."""
    if not isinstance(right, ConditionPattern):
        error_at(at, f"expected a regular expression such as /^v/ on the right, found {kind(right)}")
    if left is None:
        return False
    if not isinstance(left, str):
        error_at(at, f"expected a string on the left, found {kind(left)}")
    return right.found_in(left)


def includes(left: Any, right: Any, at: int) -> bool:
    """Return whether a list has this text, or one that the regular expression matches; null has none."""
    if left is None:
        return False
    if not isinstance(left, (list, tuple)):
        error_at(at, f"expected a list on the left of includes, found {kind(left)}")
    if isinstance(right, ConditionPattern):
        return any(isinstance(element, str) and right.found_in(element) for element in left)
    return right in left


def truth(operand: Any, at: int, operator: str) -> bool:
    """Return a boolean operand; null counts as false."""
    if operand is None:
        return False
    if not isinstance(operand, bool):
        error_at(at, f"{operator} needs true or false, found {kind(operand)}")
    return operand


def kind(operand: Any) -> str:
    """Return the words for a value's type in a message."""
    if operand is None:
        return "null"
    if isinstance(operand, bool):
        return "true or false"
    if isinstance(operand, int):
        return "a number"
    if isinstance(operand, str):
        return "a string"
    return "a regular expression" if isinstance(operand, ConditionPattern) else "a list"
