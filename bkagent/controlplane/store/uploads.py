"""The table of uploaded documents, the first of each build included."""

from __future__ import annotations

from typing import Dict, List

from bkagent.controlplane.records import Upload
from bkagent.controlplane.store.database import Database
from bkagent.controlplane.store.record_table import RecordTable

SCHEMA = (
    """CREATE TABLE uploads (
        id TEXT PRIMARY KEY, build_id TEXT NOT NULL REFERENCES builds (id) ON DELETE CASCADE, job_id TEXT NOT NULL,
        uuid TEXT NOT NULL, state TEXT NOT NULL, message TEXT NOT NULL, created_at REAL NOT NULL,
        document TEXT NOT NULL, UNIQUE (build_id, job_id, uuid)
    )""",
)
TABLE = RecordTable(Upload, "uploads")


def uploaders(db: Database, build_id: str) -> Dict[str, str]:
    """Return the job that sent each upload of a build, by the upload's id; "" for the build's first."""
    rows = db.rows("SELECT id, job_id FROM uploads WHERE build_id = ?", (build_id,))
    return {str(id): str(job_id) for id, job_id in rows}


def mentioning(db: Database, build_id: str, word: str) -> List[str]:
    """Return the ids of a build's uploads in whose documents a word occurs, the oldest first."""
    rows = db.rows(
        "SELECT id FROM uploads WHERE build_id = ? AND instr(document, ?) ORDER BY created_at, rowid", (build_id, word)
    )
    return [str(id) for (id,) in rows]
