"""Waiting for what a test expects."""

from __future__ import annotations

import time
from typing import Callable, TypeVar

Outcome = TypeVar("Outcome")
WAIT_S = 60.0


def until(condition: Callable[[], Outcome], patience_s: float = WAIT_S) -> Outcome:
    """Return the first result of `condition` that is true. Fails after `patience_s`."""
    deadline = time.monotonic() + patience_s
    while True:
        outcome = condition()
        if outcome:
            return outcome
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.01)
