"""Resume a job whose entry an earlier agent left in the spool.

Any job of this user can put something into the spool under the id of a job to come. So an entry counts only where it
carries the token that came with this very job; everything else is moved to `kept`, and named.
"""

from __future__ import annotations

import time
from typing import Callable, Optional

from bkagent.errors import AgentError
from bkagent.spool import directory
from bkagent.spool.agent_entry import AgentEntry
from bkagent.spool.custody import handing_over, keeping, provenance, session_file
from bkagent.spool.custody.session_file import SessionFile
from bkagent.spool.manifest import JobManifest
from bkagent.wire.log_events import EventReport

# An agent that delivers the job's end takes less; a job that still runs has an agent already.
_PATIENCE_S = 5.0
_LOOK_S = 0.1


def claim_earlier_entry(
    spool_path: str,
    job: JobManifest,
    session: SessionFile,
    token: str,
    report: EventReport,
    wait: Callable[[float], bool],
) -> Optional[AgentEntry]:
    """Return the entry to go on with, owned and in `session`; None where the job begins anew.

    `token` is what the control plane gave for this job; without one, as older control planes answer, no entry counts.
    What is no entry of this job, or one whose process never began, is moved out of the way. `wait(seconds)` pauses and
    returns true to end the wait. Raises AgentError when another process owns the job, and OSError.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        entry = directory.find(spool_path, job.job_id)
        if entry is None:
            return None
        fault = _fault(entry, token)
        if fault:
            _set_aside(entry, fault, report)
            return None
        if entry.is_entry():
            if entry.try_own():
                return _resumable(entry, job, session)
        elif not entry.in_use():
            keeping.clear_away(entry, "it was no entry of a job when the job came again")
            return None
        if time.monotonic() >= deadline or wait(_LOOK_S):
            if not entry.is_entry():  # no agent needs that long to create an entry
                _set_aside(entry, "it is in use, and no entry of a job", report)
                return None
            raise AgentError(f"another bkagent process of this user already owns this job: {entry.folder}")


def _fault(entry: AgentEntry, token: str) -> str:
    """Return why the entry cannot belong to the job with `token`, "" where it may.

    Raises AgentError where a process of the job runs that an agent has started: no job runs twice.
    """
    if directory.is_stranger(entry.folder):
        return directory.STRANGE
    fault = provenance.shape_fault(entry)
    if fault or not entry.is_entry():
        return fault
    fault = provenance.fault_for_token(entry, token)
    if fault and entry.process.alive() and _is_ours(entry, token):
        raise AgentError(f"its process still runs, and its entry cannot be used: {fault}")
    return fault


def _is_ours(entry: AgentEntry, token: str) -> bool:
    """Return whether an agent made the entry, be it in another session or damaged since."""
    try:
        session = entry.session
    except AgentError:
        return False
    if session is None:
        return False
    return session_file.is_same_token(session.token, token) or not provenance.fault(entry)


def _set_aside(entry: AgentEntry, fault: str, report: EventReport) -> None:
    """Move away what has not been made for this job. Raises AgentError where that cannot be."""
    text = f"what the spool has under the id of job {entry.job_id} is not its entry: {fault}"
    try:
        kept_path = keeping.keep_entry(entry, text)
    except OSError as problem:
        raise AgentError(f"{text}, and it cannot be moved away: {problem}") from problem
    report("warn", f"{text}; it is ignored and kept in {kept_path}", "spool.entry_kept")


def _resumable(entry: AgentEntry, job: JobManifest, session: SessionFile) -> Optional[AgentEntry]:
    """Return an owned entry, ready to go on; None when it has been put out of the way."""
    try:
        has_begun = entry.process.started() or entry.result() is not None
        if has_begun:
            handing_over.hand_to(entry, job, session)
            return entry
    except AgentError as damage:
        if entry.process.alive():
            entry.release()
            raise AgentError(f"its process still runs, and its entry is damaged: {damage}") from damage
        keeping.clear_away(entry, str(damage))
        return None
    keeping.clear_away(entry, "its process had not begun when the job came again")
    return None
