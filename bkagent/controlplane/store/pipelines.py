"""The table of pipelines, which also count their builds."""

from __future__ import annotations

from bkagent.controlplane.records import PipelineEntry
from bkagent.controlplane.store.database import Database
from bkagent.controlplane.store.record_table import RecordTable

SCHEMA = (
    """CREATE TABLE pipelines (
        id TEXT PRIMARY KEY, slug TEXT NOT NULL UNIQUE, name TEXT NOT NULL, repository TEXT NOT NULL,
        default_branch TEXT NOT NULL, created_at REAL NOT NULL, last_number INTEGER NOT NULL DEFAULT 0
    )""",
)
TABLE = RecordTable(PipelineEntry, "pipelines")


def next_number(db: Database, slug: str) -> int:
    """Return the number of the pipeline's next build, counting it."""
    db.rows("UPDATE pipelines SET last_number = last_number + 1 WHERE slug = ?", (slug,))
    return last_number(db, slug)


def last_number(db: Database, slug: str) -> int:
    """Return the number of the pipeline's newest build, 0 without builds."""
    rows = db.rows("SELECT last_number FROM pipelines WHERE slug = ?", (slug,))
    return int(rows[0][0]) if rows else 0
