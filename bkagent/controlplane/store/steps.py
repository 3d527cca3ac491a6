"""The table of steps: where each stands in its build and in the document it came with."""

from __future__ import annotations

from typing import List, Optional

from bkagent.controlplane.records import StepEntry
from bkagent.controlplane.store.database import Database
from bkagent.controlplane.store.record_table import RecordTable

SCHEMA = (
    """CREATE TABLE steps (
        id TEXT PRIMARY KEY, build_id TEXT NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
        upload_id TEXT NOT NULL REFERENCES uploads (id) ON DELETE CASCADE, at INTEGER NOT NULL,
        position INTEGER NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, label TEXT NOT NULL,
        group_id TEXT NOT NULL, uploaded_by TEXT NOT NULL, excluded TEXT NOT NULL
    )""",
    "CREATE INDEX steps_by_build ON steps (build_id, position)",
)
TABLE = RecordTable(StepEntry, "steps")


def of_build(db: Database, build_id: str) -> List[StepEntry]:
    """Return the steps of a build in order."""
    return TABLE.all(db, "build_id = ? ORDER BY position", (build_id,))


def named(db: Database, build_id: str, id_or_key: str) -> Optional[StepEntry]:
    """Return the step of a build with this id or key, or None."""
    if not id_or_key:
        return None
    return TABLE.first(db, "build_id = ? AND (id = ? OR key = ?)", (build_id, id_or_key, id_or_key))
