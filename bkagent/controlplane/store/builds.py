"""The table of builds, read together with their meta-data."""

from __future__ import annotations

import dataclasses
from typing import Any, Iterable, List, Sequence

from bkagent.controlplane.records import Build
from bkagent.controlplane.store import meta_data
from bkagent.controlplane.store.database import Database
from bkagent.controlplane.store.record_table import RecordTable

SCHEMA = (
    """CREATE TABLE builds (
        id TEXT PRIMARY KEY, number INTEGER NOT NULL, pipeline_slug TEXT NOT NULL REFERENCES pipelines (slug),
        state TEXT NOT NULL, branch TEXT NOT NULL, "commit" TEXT NOT NULL, message TEXT NOT NULL,
        repository TEXT NOT NULL, created_at REAL NOT NULL, tag TEXT NOT NULL, env TEXT NOT NULL,
        pipeline_env TEXT NOT NULL, source TEXT NOT NULL, author TEXT NOT NULL, creator TEXT NOT NULL,
        pull_request TEXT NOT NULL, clean_checkout INTEGER NOT NULL, rebuilt_from TEXT NOT NULL,
        blocked INTEGER NOT NULL, cancel_requested INTEGER NOT NULL, cancel_reason TEXT NOT NULL,
        scheduled_at REAL, started_at REAL, failing_at REAL, finished_at REAL, canceled_at REAL,
        UNIQUE (pipeline_slug, number)
    )""",
    "CREATE INDEX builds_by_time ON builds (created_at)",
    "CREATE INDEX builds_by_state ON builds (state)",
)
TABLE = RecordTable(Build, "builds", left_out=("meta_data",))


def with_meta_data(db: Database, builds: Iterable[Build]) -> List[Build]:
    """Return the builds with their meta-data."""
    return [dataclasses.replace(build, meta_data=meta_data.all_of(db, build.id)) for build in builds]


def page(db: Database, where: str, values: Sequence[Any], limit: int, offset: int) -> List[Build]:
    """Return builds that meet the SQL condition, the newest first."""
    # By rowid, the order of creation also where the clock was set back.
    order = f"{where} ORDER BY rowid DESC LIMIT ? OFFSET ?"
    return with_meta_data(db, TABLE.all(db, order, [*values, limit, offset]))
