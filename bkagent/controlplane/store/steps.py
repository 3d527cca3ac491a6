"""The table of steps: where each stands in its build and in the document it came with."""

from __future__ import annotations

from typing import List, Optional, Tuple

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
# Between the positions of two steps, so that uploads have room there and no step has to move for the first of them.
SPACING = 1 << 32


def of_build(db: Database, build_id: str) -> List[StepEntry]:
    """Return the steps of a build in order."""
    return TABLE.all(db, "build_id = ? ORDER BY position", (build_id,))


def named(db: Database, build_id: str, id_or_key: str) -> Optional[StepEntry]:
    """Return the step of a build with this id or key, or None."""
    if not id_or_key:
        return None
    return TABLE.first(db, "build_id = ? AND (id = ? OR key = ?)", (build_id, id_or_key, id_or_key))


def keys(db: Database, build_id: str) -> List[str]:
    """Return the keys of a build's steps."""
    return [str(key) for (key,) in db.rows("SELECT key FROM steps WHERE build_id = ? AND key <> ''", (build_id,))]


def room_after(db: Database, build_id: str, step_id: str) -> Tuple[int, Optional[int]]:
    """Return the position of a step, or of the last of its group, and that of the next step, None where none follows.

    What is uploaded in between belongs to no group. Without a step it is the end of the build.
    """
    where, values = "build_id = ?", [build_id]
    own = TABLE.get(db, step_id) if step_id else None
    if own is not None:
        where, values = "id = ?", [own.id]
    if own is not None and own.group_id:
        where, values = "build_id = ? AND group_id = ?", [build_id, own.group_id]
    last = db.rows(f"SELECT max(position) FROM steps WHERE {where}", values)
    position = -SPACING if last[0][0] is None else int(last[0][0])
    rows = db.rows("SELECT min(position) FROM steps WHERE build_id = ? AND position > ?", (build_id, position))
    return position, None if rows[0][0] is None else int(rows[0][0])


def shift(db: Database, build_id: str, position: int, count: int) -> None:
    """Move the steps of a build from a position on, and their jobs, by so many positions."""
    for table, column in (("steps", "position"), ("jobs", "sequence")):
        db.rows(
            f"UPDATE {table} SET {column} = {column} + ? WHERE build_id = ? AND {column} >= ?",
            (count, build_id, position),
        )


def remove(db: Database, step_id: str) -> None:
    """Delete a step and its jobs."""
    db.rows("DELETE FROM steps WHERE id = ?", (step_id,))
