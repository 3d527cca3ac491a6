"""The table of meta-data: texts under keys, for each build."""

from __future__ import annotations

from typing import Dict, Mapping, Optional

from bkagent.controlplane.store.database import Database

SCHEMA = (
    """CREATE TABLE meta_data (
        build_id TEXT NOT NULL REFERENCES builds (id) ON DELETE CASCADE, key TEXT NOT NULL, value TEXT NOT NULL,
        PRIMARY KEY (build_id, key)
    )""",
)


def put(db: Database, build_id: str, values: Mapping[str, str]) -> None:
    """Keep values under their keys; the last one wins."""
    for key, value in values.items():
        db.rows("INSERT OR REPLACE INTO meta_data VALUES (?, ?, ?)", (build_id, key, value))


def get(db: Database, build_id: str, key: str) -> Optional[str]:
    """Return the value under a key, or None."""
    rows = db.rows("SELECT value FROM meta_data WHERE build_id = ? AND key = ?", (build_id, key))
    return str(rows[0][0]) if rows else None


def all_of(db: Database, build_id: str) -> Dict[str, str]:
    """Return everything kept for a build, by key."""
    return dict(db.rows("SELECT key, value FROM meta_data WHERE build_id = ? ORDER BY key", (build_id,)))  # type: ignore[arg-type]


def count(db: Database, build_id: str) -> int:
    """Return how many keys a build has."""
    return int(db.rows("SELECT count(*) FROM meta_data WHERE build_id = ?", (build_id,))[0][0])
