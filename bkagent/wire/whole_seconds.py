"""Seconds as the Agent API has them: whole, and never none. The reference's agents decode nothing else."""

from __future__ import annotations


def whole_seconds(seconds: float) -> int:
    """Return the whole seconds of an interval, at least one."""
    return max(1, int(seconds))
