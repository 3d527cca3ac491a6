"""The table of annotations: one for each context of a build, or of a job."""

from __future__ import annotations

from bkagent.controlplane.attachments import Annotation
from bkagent.controlplane.store.record_table import RecordTable

SCHEMA = (
    """CREATE TABLE annotations (
        id TEXT PRIMARY KEY, build_id TEXT NOT NULL REFERENCES builds (id) ON DELETE CASCADE, job_id TEXT NOT NULL,
        context TEXT NOT NULL, scope TEXT NOT NULL, style TEXT NOT NULL, body TEXT NOT NULL, priority INTEGER NOT NULL,
        created_at REAL NOT NULL, updated_at REAL NOT NULL, UNIQUE (build_id, scope, job_id, context)
    )""",
)
TABLE = RecordTable(Annotation, "annotations")
