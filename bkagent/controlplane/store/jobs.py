"""The table of jobs."""

from __future__ import annotations

import json
from typing import List, Optional, Sequence, Tuple

from bkagent.controlplane.records import Job
from bkagent.controlplane.store.database import Database
from bkagent.controlplane.store.record_table import RecordTable

SCHEMA = (
    """CREATE TABLE jobs (
        id TEXT PRIMARY KEY, build_id TEXT NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
        step_id TEXT NOT NULL REFERENCES steps (id) ON DELETE CASCADE, type TEXT NOT NULL, state TEXT NOT NULL,
        created_at REAL NOT NULL, sequence INTEGER NOT NULL, slot_id TEXT NOT NULL, step_key TEXT NOT NULL,
        group_id TEXT NOT NULL, group_key TEXT NOT NULL, group_label TEXT NOT NULL, label TEXT NOT NULL,
        command TEXT NOT NULL, agent_query_rules TEXT NOT NULL, artifact_paths TEXT NOT NULL, env TEXT NOT NULL,
        plugins TEXT NOT NULL, priority INTEGER NOT NULL, timeout_minutes INTEGER, concurrency_group TEXT NOT NULL,
        concurrency_limit INTEGER, concurrency_method TEXT NOT NULL, parallel_index INTEGER, parallel_total INTEGER,
        matrix TEXT NOT NULL, soft_fail_any INTEGER NOT NULL, soft_fail_statuses TEXT NOT NULL,
        soft_failed INTEGER NOT NULL, exit_status INTEGER, signal TEXT NOT NULL, signal_reason TEXT NOT NULL,
        chunks_failed_count INTEGER NOT NULL, broken_reason TEXT NOT NULL, reason TEXT NOT NULL,
        agent_id TEXT NOT NULL, scheduled_at REAL, runnable_at REAL, assigned_at REAL, accepted_at REAL,
        started_at REAL, finished_at REAL, cancel_requested_at REAL, retried INTEGER NOT NULL,
        retried_in_job_id TEXT NOT NULL, retries_count INTEGER NOT NULL, retry_source_id TEXT NOT NULL,
        retry_type TEXT NOT NULL, retry_rule INTEGER NOT NULL, unblocked_at REAL, unblocked_by TEXT NOT NULL,
        fields TEXT NOT NULL, blocked_state TEXT NOT NULL
    )""",
    "CREATE INDEX jobs_by_build ON jobs (build_id, sequence)",
    "CREATE INDEX jobs_by_type ON jobs (build_id, type, sequence)",
    "CREATE INDEX jobs_by_state ON jobs (state, scheduled_at)",
    "CREATE INDEX jobs_by_slot ON jobs (slot_id)",
    "CREATE INDEX jobs_by_agent ON jobs (agent_id, state)",
)
TABLE = RecordTable(Job, "jobs")
IN_ORDER = "ORDER BY sequence, created_at, rowid"
# By priority, then by the time of scheduling, then by the order of upload.
# Source: https://buildkite.com/docs/pipelines/configure/workflows/job-priority
DISPATCH_KEY = "-priority, coalesce(scheduled_at, 0), sequence, rowid"
DispatchKey = Tuple[float, ...]


def of_build(db: Database, build_id: str) -> List[Job]:
    """Return every job of a build in order, retried ones included."""
    return TABLE.all(db, f"build_id = ? {IN_ORDER}", (build_id,))


def of_step(db: Database, build_id: str, step_id: str) -> List[Job]:
    """Return every job of a step or of a group in order, retried ones included."""
    return TABLE.all(db, f"build_id = ? AND ? IN (step_id, group_id) {IN_ORDER}", (build_id, step_id))


def runnable(db: Database) -> List[Tuple[str, Tuple[str, ...], DispatchKey]]:
    """Return the jobs that wait for an agent: id, the rules for it, and what sorts them, the first to go first."""
    rows = db.rows(f"SELECT id, agent_query_rules, {DISPATCH_KEY} FROM jobs WHERE state = 'scheduled'")
    return [(str(id), tuple(json.loads(str(rules))), tuple(key)) for id, rules, *key in rows]


def end_of_queue(db: Database, now: float) -> float:
    """Return the time of scheduling that puts a job behind those that wait, also if the clock was set back."""
    latest = db.rows("SELECT max(scheduled_at) FROM jobs WHERE state = 'scheduled'")[0][0]
    return now if latest is None or latest <= now else float(latest) + 1e-6


def dispatch_key(db: Database, job_id: str) -> DispatchKey:
    """Return what sorts a job among those that wait for an agent."""
    return tuple(db.rows(f"SELECT {DISPATCH_KEY} FROM jobs WHERE id = ?", (job_id,))[0])


def in_concurrency_groups(db: Database, states: Sequence[str]) -> List[Job]:
    """Return the jobs in these states that are of a concurrency group."""
    marks = ", ".join("?" * len(states))
    return TABLE.all(db, f"state IN ({marks}) AND concurrency_group <> ''", states)


def first_start(db: Database, build_id: str) -> Optional[float]:
    """Return when the first job of a build started, None where none has."""
    (started_at,) = db.rows("SELECT min(started_at) FROM jobs WHERE build_id = ?", (build_id,))[0]
    return started_at if started_at is None else float(started_at)


def last_unblocked_before(db: Database, job: Job) -> Optional[Job]:
    """Return the last block or input job before this one that a person has unblocked, or None."""
    where = "build_id = ? AND type = 'manual' AND sequence < ? AND +state = 'unblocked' ORDER BY sequence DESC"
    return TABLE.first(db, where, (job.build_id, job.sequence))
