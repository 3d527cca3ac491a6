"""Jobs as queues and agents have them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import List, Sequence, Tuple

from bkagent.controlplane.records import Job
from bkagent.controlplane.store.database import Database
from bkagent.controlplane.store.jobs import DISPATCH_KEY, TABLE
from bkagent.controlplane.store.record_table import MOST_VALUES


@dataclass(frozen=True)
class JobGroup:
    """How many command jobs have the same rules for agents and the same state."""

    rules: Tuple[str, ...]
    state: str
    count: int


def groups(db: Database, states: Sequence[str]) -> List[JobGroup]:
    """Return the command jobs of all builds in these states."""
    marks = ", ".join("?" * len(states))
    rows = db.rows(
        f"""SELECT agent_query_rules, state, count(*) FROM jobs WHERE state IN ({marks}) AND type = 'script'
        GROUP BY agent_query_rules, state""",
        tuple(states),
    )
    return [JobGroup(tuple(json.loads(rules)), state, count) for rules, state, count in rows]


def first(db: Database, rules: Sequence[Tuple[str, ...]], states: Sequence[str], limit: int) -> List[Job]:
    """Return the first command jobs with one of these rules in these states, in the order of dispatch."""
    texts = [json.dumps(rule, separators=(",", ":")) for rule in rules][: MOST_VALUES - len(states)]
    where = f"state IN ({', '.join('?' * len(states))}) AND type = 'script' AND agent_query_rules IN "
    values = (*states, *texts, limit)
    return TABLE.all(db, f"{where}({', '.join('?' * len(texts))}) ORDER BY {DISPATCH_KEY} LIMIT ?", values)


def holders_count(db: Database, group: str, states: Sequence[str]) -> int:
    """Return how many jobs of a concurrency group are in these states."""
    marks = ", ".join("?" * len(states))
    return TABLE.count(db, f"concurrency_group = ? AND state IN ({marks})", (group, *states))


def last_of_agent(db: Database, agent_id: str, limit: int) -> List[Job]:
    """Return the jobs that an agent had last, the newest first."""
    return TABLE.all(db, "agent_id = ? ORDER BY assigned_at DESC, rowid DESC LIMIT ?", (agent_id, limit))
