"""What each of pytest's processes holds from the start to the end: the parameters of all tests."""

from __future__ import annotations

from typing import Any

import pytest

LIMIT_LENGTH = 4_000_000


def length_of(value: Any) -> int:
    """Return how many characters and bytes a parameter holds, in the usual containers as well."""
    if isinstance(value, (str, bytes)):
        return len(value)
    if isinstance(value, dict):
        return sum(length_of(part) for pair in value.items() for part in pair)
    return sum(length_of(part) for part in value) if isinstance(value, (list, tuple)) else 0


def test_no_parameter_is_large(request: pytest.FixtureRequest) -> None:
    """A large one is made by its test: the more memory a process has, the longer takes each fork of it.

    Where Python has no vfork (before 3.10), a command costs 1 ms from a small process and 23 ms from one of 350 MB.
    """
    large = {
        item.nodeid
        for item in request.session.items
        for value in getattr(getattr(item, "callspec", None), "params", {}).values()
        if length_of(value) > LIMIT_LENGTH
    }
    assert large == set()
