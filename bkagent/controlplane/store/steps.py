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


def end_position(db: Database, build_id: str) -> int:
    """Return the position after a build's last step."""
    rows = db.rows("SELECT max(position) FROM steps WHERE build_id = ?", (build_id,))
    return 0 if rows[0][0] is None else int(rows[0][0]) + 1


def position_after(db: Database, build_id: str, step_id: str) -> int:
    """Return the position right after a step, or after its group: what is uploaded there belongs to no group."""
    entries = of_build(db, build_id)
    (own,) = [entry for entry in entries if entry.id == step_id]
    group = [entry for entry in entries if own.group_id and entry.group_id == own.group_id]
    return max(entry.position for entry in [own, *group]) + 1


def shift(db: Database, build_id: str, position: int, count: int) -> None:
    """Move the steps of a build from a position on, and their jobs, to make room for `count` steps."""
    for table, column in (("steps", "position"), ("jobs", "sequence")):
        db.rows(
            f"UPDATE {table} SET {column} = {column} + ? WHERE build_id = ? AND {column} >= ?",
            (count, build_id, position),
        )


def remove(db: Database, step_id: str) -> None:
    """Delete a step and its jobs."""
    db.rows("DELETE FROM steps WHERE id = ?", (step_id,))
