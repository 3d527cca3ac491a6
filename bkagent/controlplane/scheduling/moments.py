"""The moments of a job in the order in which they come, also where the system's clock is set back between two."""

from __future__ import annotations

from typing import Any, Dict

from bkagent.controlplane.records import Job

_IN_ORDER = ("created_at", "runnable_at", "assigned_at", "accepted_at", "started_at", "finished_at")


def in_order(job: Job, changes: Dict[str, Any]) -> Dict[str, Any]:
    """Return changes of a job in which no moment lies before one that came earlier: nothing takes a negative time."""
    ordered, earliest = dict(changes), 0.0
    for name in _IN_ORDER:
        moment = changes.get(name, getattr(job, name))
        if moment is None:
            continue
        if moment < earliest and name in changes:
            ordered[name] = moment = earliest
        earliest = max(earliest, moment)
    return ordered
