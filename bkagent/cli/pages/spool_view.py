"""Jobs of a spool as people and programs read them."""

from __future__ import annotations

from typing import Dict, List, Sequence

from bkagent.cli.command import Call
from bkagent.cli.pages import table_layout
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


def document(spooled: SpooledJob) -> Dict[str, object]:
    """Return what is known of a job, without its tokens."""
    job, end = spooled.job, spooled.result
    return {
        "job_id": spooled.job_id, "state": spooled.state, "in_hand": spooled.owned, "log": spooled.log_path,
        "log_bytes": spooled.log_bytes, "acknowledged_bytes": spooled.acknowledged_bytes,
        "changed_at": _timestamp(spooled.changed_at),
        "exit_status": end.exit_status if end else None, "signal": end.signal if end else "",
        "signal_reason": end.signal_reason if end else "", "finished_at": end.finished_at if end else "",
        "started_at": job.started_at if job else "", "agent_name": job.agent_name if job else "",
        "endpoint": job.endpoint if job else "", "reason": spooled.reason,
    }  # fmt: skip


def table(jobs: Sequence[SpooledJob]) -> List[str]:
    """Return lines with a column for each of the things that are asked for first."""
    return table_layout.lines([_HEADS, *map(_row, jobs)])


def _row(job: SpooledJob) -> "tuple[str, ...]":
    taken = "?" if job.acknowledged_bytes is None else f"{job.acknowledged_bytes:,}"
    outcome = "-" if job.result is None else one_line(job.result.signal) or str(job.result.exit_status)
    state = job.state + (", in hand" if job.owned else "")
    return (one_line(job.job_id), state, f"{job.log_bytes:,}", taken, outcome, _timestamp(job.changed_at) or "-")


def _timestamp(unix_s: float) -> str:
    try:
        return rfc3339(int(unix_s) * 1_000_000_000, 0) if unix_s else ""
    except (OverflowError, ValueError, OSError):
        return ""  # a time that no clock of this machine has shown
