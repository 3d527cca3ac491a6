"""The table of agent sessions."""

from __future__ import annotations

import json
from typing import List, Set

from bkagent.controlplane.records import Agent, AgentGroup
from bkagent.controlplane.store.database import Database
from bkagent.controlplane.store.record_table import RecordTable

SCHEMA = (
    """CREATE TABLE agents (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, state TEXT NOT NULL, created_at REAL NOT NULL, hostname TEXT NOT NULL,
        os TEXT NOT NULL, arch TEXT NOT NULL, version TEXT NOT NULL, build TEXT NOT NULL, user_agent TEXT NOT NULL,
        ip_address TEXT NOT NULL, pid INTEGER NOT NULL, machine_id TEXT NOT NULL, priority INTEGER,
        meta_data TEXT NOT NULL, features TEXT NOT NULL, ignore_in_dispatches INTEGER NOT NULL, job_id TEXT NOT NULL,
        heartbeat_at REAL, connected_at REAL, disconnected_at REAL, lost_at REAL, stopped_at REAL,
        stop_force INTEGER NOT NULL, last_job_finished_at REAL, paused INTEGER NOT NULL, paused_at REAL,
        paused_note TEXT NOT NULL, paused_by TEXT NOT NULL, paused_timeout_minutes INTEGER,
        creator TEXT NOT NULL
    )""",
    "CREATE INDEX agents_by_state ON agents (state)",
)
TABLE = RecordTable(Agent, "agents")


def live(db: Database) -> List[str]:
    """Return the ids of the agents that are connected, or about to leave."""
    return [str(row[0]) for row in db.rows("SELECT id FROM agents WHERE state IN ('connected', 'stopping')")]


def paused(db: Database) -> List[Agent]:
    """Return the connected agents that are paused."""
    return TABLE.all(db, "state IN ('connected', 'stopping') AND paused")


def live_groups(db: Database) -> List[AgentGroup]:
    """Return the agents that are connected or stopping and take jobs by themselves, by their tags and activities."""
    rows = db.rows(
        """SELECT meta_data, CASE WHEN state = 'stopping' THEN 'stopping' WHEN job_id <> '' THEN 'busy'
        WHEN paused THEN 'paused' ELSE 'idle' END AS activity, count(*) FROM agents
        WHERE state IN ('connected', 'stopping') AND NOT ignore_in_dispatches GROUP BY meta_data, activity"""
    )
    return [AgentGroup(tuple(json.loads(tags)), activity, count) for tags, activity, count in rows]


def present_names(db: Database, hostname: str) -> Set[str]:
    """Return the names of a host's agents that have neither left nor been lost."""
    condition = "state IN ('never_connected', 'connected', 'stopping') AND hostname = ?"
    return {str(row[0]) for row in db.rows(f"SELECT name FROM agents WHERE {condition}", (hostname,))}


def last_lost(db: Database, limit: int) -> List[Agent]:
    """Return the agents that were given up as lost last, the newest first."""
    return TABLE.all(db, "state = 'lost' ORDER BY lost_at DESC, rowid DESC LIMIT ?", (limit,))
