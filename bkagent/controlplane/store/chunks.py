"""The table of log chunks: which bytes of a job's log are in its file. The bytes themselves are not here."""

from __future__ import annotations

from typing import List, NamedTuple, Optional, Tuple

from bkagent.controlplane.store.database import Database

SCHEMA = (
    """CREATE TABLE chunks (
        job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE, sequence INTEGER NOT NULL,
        "offset" INTEGER NOT NULL, size INTEGER NOT NULL, PRIMARY KEY (job_id, sequence)
    )""",
    """CREATE TABLE header_times (
        job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE, header INTEGER NOT NULL, at TEXT NOT NULL,
        PRIMARY KEY (job_id, header)
    )""",
)


class ChunkRow(NamedTuple):
    """Which bytes of a job's log a chunk has, in the order of the columns."""

    job_id: str
    sequence: int
    offset: int
    size: int


def get(db: Database, job_id: str, sequence: int) -> Optional[Tuple[int, int]]:
    """Return offset and size of a chunk, or None."""
    rows = db.rows('SELECT "offset", size FROM chunks WHERE job_id = ? AND sequence = ?', (job_id, sequence))
    return (int(rows[0][0]), int(rows[0][1])) if rows else None


def add(db: Database, chunk: ChunkRow) -> None:
    """Note that a chunk's bytes are in the file."""
    db.rows("INSERT OR IGNORE INTO chunks VALUES (?, ?, ?, ?)", chunk)


def extents(db: Database, job_id: str) -> List[Tuple[int, int]]:
    """Return (offset, size) of every chunk, by offset."""
    rows = db.rows('SELECT "offset", size FROM chunks WHERE job_id = ? ORDER BY "offset"', (job_id,))
    return [(int(offset), int(size)) for offset, size in rows]


def forget(db: Database, job_id: str) -> None:
    """Forget every chunk of a job, and the times of its header lines."""
    db.rows("DELETE FROM chunks WHERE job_id = ?", (job_id,))
    db.rows("DELETE FROM header_times WHERE job_id = ?", (job_id,))


def put_header_time(db: Database, job_id: str, header: int, at: str) -> None:
    """Keep when the header line with this index was printed, RFC 3339."""
    db.rows("INSERT OR REPLACE INTO header_times VALUES (?, ?, ?)", (job_id, header, at))


def header_times(db: Database, job_id: str) -> List[Tuple[int, str]]:
    """Return (index, RFC 3339 text) of every header line, in order."""
    rows = db.rows("SELECT header, at FROM header_times WHERE job_id = ? ORDER BY header", (job_id,))
    return [(int(header), str(at)) for header, at in rows]
