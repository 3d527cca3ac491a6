"""The table of uploaded documents, the first of each build included."""

from __future__ import annotations

from bkagent.controlplane.records import Upload
from bkagent.controlplane.store.record_table import RecordTable

SCHEMA = (
    """CREATE TABLE uploads (
        id TEXT PRIMARY KEY, build_id TEXT NOT NULL REFERENCES builds (id) ON DELETE CASCADE, job_id TEXT NOT NULL,
        uuid TEXT NOT NULL, state TEXT NOT NULL, message TEXT NOT NULL, created_at REAL NOT NULL,
        document TEXT NOT NULL, UNIQUE (build_id, job_id, uuid)
    )""",
)
TABLE = RecordTable(Upload, "uploads")
