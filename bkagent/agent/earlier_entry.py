"""A job that the control plane hands out although the spool has an entry of it, which an agent before has left."""

from __future__ import annotations

import time
from typing import Callable, Optional

from bkagent.errors import AgentError
from bkagent.logs import spool
from bkagent.logs.job_file import JobFile
from bkagent.logs.spool import Entry

# Whoever delivers the job's end is done sooner; a job that goes on is in good hands.
_PATIENCE_S = 5.0
_LOOK_S = 0.1


def take(spool_path: str, job: JobFile, wait: Callable[[float], bool]) -> Optional[Entry]:
    """Return the entry to go on with, owned and in the session of `job`; None where the job begins anew.

    What is no entry, or one whose process never began, is out of the way then. `wait(seconds)` pauses; true ends
    the patience. Raises AgentError when another process has the job in its hands, and OSError.
    """
    until = time.monotonic() + _PATIENCE_S
    while True:
        entry = spool.find(spool_path, job.job_id)
        if entry is None:
            return None
        if entry.try_own():
            return _usable(entry, job)
        if not entry.in_use() and not entry.is_entry():
            entry.clear_away("it was no entry of a job when the job came again")
            return None
        if time.monotonic() >= until or wait(_LOOK_S):
            raise AgentError(f"another process of this user has the job in its hands: {entry.folder}")


def _usable(entry: Entry, job: JobFile) -> Optional[Entry]:
    """Return an owned entry, ready to go on; None when it has been put out of the way."""
    try:
        began = entry.started() or entry.result() is not None
        if began:
            entry.hand_to(job)
            return entry
    except AgentError as damage:
        if entry.alive():
            entry.release()
            raise AgentError(f"its process still runs, and its entry is damaged: {damage}") from damage
        entry.clear_away(str(damage))
        return None
    entry.clear_away("its process had not begun when the job came again")
    return None
