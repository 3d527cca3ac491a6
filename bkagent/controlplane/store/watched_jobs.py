"""The columns of a job that are looked at every second, of all jobs that an agent has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional

from bkagent.controlplane.store.database import Database
from bkagent.controlplane.store.record_table import RecordTable


@dataclass(frozen=True)
class WatchedJob:
    """A job with an agent; the fields are those of Job."""

    id: str
    agent_id: str
    state: str
    timeout_minutes: Optional[int]
    assigned_at: Optional[float]
    accepted_at: Optional[float]
    started_at: Optional[float]
    cancel_requested_at: Optional[float]


_TABLE = RecordTable(WatchedJob, "jobs")


def in_states(db: Database, *states: str) -> List[WatchedJob]:
    """Return the jobs of all builds in these states."""
    return _TABLE.among(db, "state", states)
