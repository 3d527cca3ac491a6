"""Whether an entry of the spool was made by an agent of this state folder, for the job that it names.

Jobs run as the user of the agent and can write into the spool. So an entry decides nothing unless it has the form of
one and carries the token that its control plane gave for that very job, as the agent that accepted the job wrote down.
"""

from __future__ import annotations

import os
import stat

from bkagent.errors import AgentError
from bkagent.spool import layout, result, shared_files
from bkagent.spool.agent_entry import AgentEntry
from bkagent.spool.custody import session_file
from bkagent.spool.custody.session_file import is_same_token
from bkagent.system.plain_file import is_own_folder

_FILES = (
    layout.JOB, layout.LOG, layout.CHUNKS, layout.ALIVE, layout.OWNER, layout.PID, layout.CANCEL, layout.HEARTBEAT,
    layout.RESERVE, layout.HEADERS, layout.STDERR, result.NAME, result.SOON,
)  # fmt: skip


def shape_fault(entry: AgentEntry) -> str:
    """Return what of an entry is not as agents make it, "" for nothing. Opens no file."""
    if not is_own_folder(entry.folder):
        return "it is a link, or no folder of this user"
    for name in (*_FILES, layout.WAKE):
        try:
            mode = os.lstat(os.path.join(entry.folder, name)).st_mode
        except OSError:
            continue  # some come late, some go early
        if not stat.S_ISREG(mode) and not (name == layout.WAKE and stat.S_ISFIFO(mode)):
            return f"its {name} is a link, or not a regular file"
    return ""


def fault(entry: AgentEntry) -> str:
    """Return why an entry counts for nothing, "" where it counts."""
    problem = shape_fault(entry)
    if problem:
        return problem
    try:
        job, session = entry.job, entry.session
    except AgentError as damage:
        return str(damage)
    if job.job_id != entry.job_id:
        return f"it names another job, {job.job_id[:128]!r}"
    if session is None:
        return "no agent of this state folder made it"
    if session.job_id != entry.job_id or not is_same_token(session.token, job.token):
        return "it does not carry the token of its job"
    return ""


def fault_for_token(entry: AgentEntry, token: str) -> str:
    """Return why an entry is not that of a job which has just been accepted with `token`, "" where it is."""
    problem = shape_fault(entry)
    if problem:
        return problem
    try:
        job = entry.job
    except AgentError as damage:
        return str(damage)
    if job.job_id != entry.job_id or not is_same_token(job.token, token):
        return "it does not carry the token of this job"
    return ""


def is_of_older_release(entry: AgentEntry) -> bool:
    """Return whether an entry is one of a release before this one. Raises WireError."""
    return entry.session is None and session_file.from_older_entry(shared_files.read_text(entry.folder)) is not None
