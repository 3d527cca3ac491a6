"""Seconds of the Agent API: whole and at least one, as the reference's agents decode nothing else."""

from __future__ import annotations


def whole_seconds(seconds: float) -> int:
    """Return the whole seconds of an interval, at least one."""
    return max(1, int(seconds))
