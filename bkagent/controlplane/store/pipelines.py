"""The table of pipelines, which also count their builds."""

from __future__ import annotations

from typing import Dict

from bkagent.controlplane.records import PipelineEntry
from bkagent.controlplane.store.database import Database
from bkagent.controlplane.store.record_table import RecordTable

SCHEMA = (
    """CREATE TABLE pipelines (
        id TEXT PRIMARY KEY, slug TEXT NOT NULL UNIQUE, name TEXT NOT NULL, repository TEXT NOT NULL,
        default_branch TEXT NOT NULL, created_at REAL NOT NULL, last_number INTEGER NOT NULL DEFAULT 0,
        configuration TEXT NOT NULL, archived_at REAL, settings TEXT NOT NULL
    )""",
)
TABLE = RecordTable(PipelineEntry, "pipelines")


def counts(db: Database, slug: str) -> Dict[str, int]:
    """Return how many builds and jobs of a pipeline are scheduled, running or waiting, by the names of the REST API."""
    builds = dict(db.rows("SELECT state, count(*) FROM builds WHERE pipeline_slug = ? GROUP BY state", (slug,)))
    states = (
        "SELECT jobs.state, count(*) FROM jobs JOIN builds ON builds.id = jobs.build_id WHERE pipeline_slug = ? "
        "AND builds.finished_at IS NULL AND type = 'script' GROUP BY jobs.state"
    )
    jobs = dict(db.rows(states, (slug,)))
    return {
        "scheduled_builds_count": builds.get("scheduled", 0),
        "running_builds_count": builds.get("running", 0) + builds.get("failing", 0),
        "scheduled_jobs_count": jobs.get("scheduled", 0) + jobs.get("assigned", 0) + jobs.get("accepted", 0),
        "running_jobs_count": jobs.get("running", 0) + jobs.get("canceling", 0),
        "waiting_jobs_count": sum(jobs.get(state, 0) for state in ("waiting", "blocked", "limited")),
    }


def next_number(db: Database, slug: str) -> int:
    """Return the number of the pipeline's next build, counting it."""
    db.rows("UPDATE pipelines SET last_number = last_number + 1 WHERE slug = ?", (slug,))
    return last_number(db, slug)


def last_number(db: Database, slug: str) -> int:
    """Return the number of the pipeline's newest build, 0 without builds."""
    rows = db.rows("SELECT last_number FROM pipelines WHERE slug = ?", (slug,))
    return int(rows[0][0]) if rows else 0
