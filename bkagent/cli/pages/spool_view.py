"""Jobs of a spool as people and programs read them."""

from __future__ import annotations

from typing import Dict, List, Sequence

from bkagent.cli.command import Call
from bkagent.config import paths
from bkagent.config.options import session
from bkagent.errors import MissingValue
from bkagent.spool import listing
from bkagent.spool.listing import SpooledJob
from bkagent.wire.shown_text import one_line
from bkagent.wire.timestamps import rfc3339

_HEADS = ("JOB", "STATE", "LOG", "TAKEN", "RESULT", "LAST CHANGE")


def state_path(call: Call) -> str:
    """Return the state folder that a call is about."""
    return paths.state_path(call.environ, call.settings[session.STATE_PATH])


def named_job(call: Call) -> SpooledJob:
    """Return the job that the first argument names. Raises MissingValue without one, AgentError where no job has it."""
    if not call.arguments or not call.arguments[0]:
        raise MissingValue("job")
    return listing.find(state_path(call), call.arguments[0])


def document(one: SpooledJob) -> Dict[str, object]:
    """Return what is known of a job, without its tokens."""
    job, result = one.job, one.result
    return {
        "job_id": one.job_id, "state": one.state, "in_hand": one.owned, "log": one.log_path,
        "log_bytes": one.log_bytes, "acknowledged_bytes": one.acknowledged_bytes,
        "changed_at": _timestamp(one.changed_at),
        "exit_status": result.exit_status if result else None, "signal": result.signal if result else "",
        "signal_reason": result.signal_reason if result else "", "finished_at": result.finished_at if result else "",
        "started_at": job.started_at if job else "", "agent_name": job.agent_name if job else "",
        "endpoint": job.endpoint if job else "", "reason": one.reason,
    }  # fmt: skip


def table(found: Sequence[SpooledJob]) -> List[str]:
    """Return lines with a column for each of the things that are asked for first."""
    rows = [_HEADS, *map(_row, found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


def _row(one: SpooledJob) -> "tuple[str, ...]":
    taken = "?" if one.acknowledged_bytes is None else f"{one.acknowledged_bytes:,}"
    result = "-" if one.result is None else one_line(one.result.signal) or str(one.result.exit_status)
    state = one.state + (", in hand" if one.owned else "")
    return (one_line(one.job_id), state, f"{one.log_bytes:,}", taken, result, _timestamp(one.changed_at) or "-")


def _timestamp(unix_s: float) -> str:
    try:
        return rfc3339(int(unix_s) * 1_000_000_000, 0) if unix_s else ""
    except (OverflowError, ValueError, OSError):
        return ""  # a time that no clock of this machine has shown
