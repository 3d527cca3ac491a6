"""The tables of artifacts and of the batches they were announced in."""

from __future__ import annotations

import json
from typing import List, Optional, Sequence

from bkagent.controlplane.attachments import ArtifactRecord
from bkagent.controlplane.store.database import Database
from bkagent.controlplane.store.record_table import RecordTable

SCHEMA = (
    """CREATE TABLE artifacts (
        id TEXT PRIMARY KEY, build_id TEXT NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
        job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE, path TEXT NOT NULL, state TEXT NOT NULL,
        created_at REAL NOT NULL, absolute_path TEXT NOT NULL, file_size INTEGER NOT NULL, sha1sum TEXT NOT NULL,
        sha256sum TEXT NOT NULL, content_type TEXT NOT NULL, upload_destination TEXT NOT NULL, url TEXT NOT NULL,
        sequence INTEGER NOT NULL
    )""",
    "CREATE INDEX artifacts_by_build ON artifacts (build_id, sequence)",
    "CREATE INDEX artifacts_by_job ON artifacts (job_id)",
    """CREATE TABLE artifact_batches (
        job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE, batch_id TEXT NOT NULL, artifact_ids TEXT NOT NULL,
        PRIMARY KEY (job_id, batch_id)
    )""",
)
TABLE = RecordTable(ArtifactRecord, "artifacts")


def batch(db: Database, job_id: str, batch_id: str) -> Optional[List[str]]:
    """Return the ids of the artifacts announced in a batch, or None for a new one."""
    rows = db.rows("SELECT artifact_ids FROM artifact_batches WHERE job_id = ? AND batch_id = ?", (job_id, batch_id))
    return list(json.loads(rows[0][0])) if rows else None


def add_batch(db: Database, job_id: str, batch_id: str, artifact_ids: Sequence[str]) -> None:
    """Note which artifacts a batch announced, so that its repetition makes no second ones."""
    db.rows("INSERT INTO artifact_batches VALUES (?, ?, ?)", (job_id, batch_id, json.dumps(list(artifact_ids))))
