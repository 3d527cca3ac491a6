"""List an agent's spool, and `kept` beside it, for people to look at. Nothing is changed."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import List, Optional

from bkagent.errors import AgentError
from bkagent.spool import directory, journal, layout
from bkagent.spool.agent_entry import AgentEntry
from bkagent.spool.custody import provenance
from bkagent.spool.manifest import JobManifest
from bkagent.spool.result import Result
from bkagent.system import file_lock
from bkagent.system.plain_file import open_plain
from bkagent.version import program_name

RUNNING, WAITING, LOST, STARTING, KEPT = "running", "waiting", "lost", "starting", "kept"
DAMAGED, FOREIGN = "damaged", "foreign"
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


@dataclass(frozen=True)
class SpooledJob:
    """One job.

    state        "running"; "waiting" for its control plane; "lost", with a log but no result; "starting"; "damaged";
                 "foreign", which no agent has made, or "kept", which is no longer delivered; both with a `reason`
    in_hand      whether an agent sees to it now
    log_bytes    size of its log, and `acknowledged_bytes` how much of that has been taken; None where that is not known
    changed_at   Unix time of the last change of the log
    """

    job_id: str
    folder: str
    state: str
    owned: bool
    log_bytes: int
    acknowledged_bytes: Optional[int]
    changed_at: float
    result: Optional[Result] = None
    job: Optional[JobManifest] = None
    reason: str = ""

    @property
    def log_path(self) -> str:
        """The file with the log."""
        return os.path.join(self.folder, layout.LOG)


def list_jobs(state_path: str) -> List[SpooledJob]:
    """Return every job of a state folder: first the spool, then what is kept."""
    path = os.path.join(state_path, layout.SPOOL)
    waiting = [_of_spool(entry) for entry in directory.entries(path)]
    waiting += [_foreign(stranger, directory.STRANGE) for stranger in directory.strangers(path)]
    return waiting + [_of_kept(folder) for folder in layout.folders_in(os.path.join(state_path, layout.KEPT))]


def find(state_path: str, job_id: str) -> SpooledJob:
    """Return the job of an id or a prefix of one. Raises AgentError where it is unknown or ambiguous."""
    jobs = list_jobs(state_path)
    matches = [job for job in jobs if job.job_id == job_id] or [job for job in jobs if job.job_id.startswith(job_id)]
    if len(matches) != 1 or not job_id:
        count_text = f"{len(matches)} jobs" if matches else "no job"
        text = f'{count_text} in {state_path} with an id that begins with "{job_id}"'
        text += f"; `{program_name()} spool list` names all"
        raise AgentError(text)
    return matches[0]


def _of_spool(entry: AgentEntry) -> SpooledJob:
    fault = _fault_of(entry)
    if fault:
        return _foreign(entry.folder, fault)
    job, result, state = None, None, DAMAGED
    try:
        job, result = entry.job, entry.result()
        state = _state(entry, result)
    except (AgentError, OSError):
        pass
    owned = file_lock.is_held(os.path.join(entry.folder, layout.OWNER))
    return _describe(entry.folder, state, owned, job, result, "")


def _fault_of(entry: AgentEntry) -> str:
    """Return why an entry is foreign, "" where it is one of an agent, be it damaged."""
    fault = provenance.shape_fault(entry)
    try:
        if fault or entry.session is None and provenance.is_of_older_release(entry):
            return fault
        entry.job  # noqa: B018  read
    except AgentError:
        return ""
    return provenance.fault(entry)


def _foreign(folder: str, fault: str) -> SpooledJob:
    return _describe(folder, FOREIGN, False, None, None, fault)


def _state(entry: AgentEntry, result: Optional[Result]) -> str:
    if entry.process.alive():
        return RUNNING
    if result is not None:
        return WAITING
    return LOST if entry.process.started() else STARTING


def _of_kept(folder: str) -> SpooledJob:
    entry = AgentEntry(folder)
    try:
        path = os.path.join(folder, layout.KEPT_REASON)
        with open(path, encoding="utf-8", errors="replace", opener=open_plain) as file:
            reason = _UNSEEN.sub(" ", file.read(4000)).strip()
    except OSError:
        reason = ""
    job, result = None, None
    try:
        job, result = entry.job, entry.result()
    except (AgentError, OSError):
        pass
    return _describe(folder, KEPT, False, job, result, reason)


def _describe(
    folder: str, state: str, owned: bool, job: Optional[JobManifest], result: Optional[Result], reason: str
) -> SpooledJob:
    log = os.path.join(folder, layout.LOG)
    try:
        status = os.lstat(log)
        size, changed_at = status.st_size, status.st_mtime
    except OSError:
        size, changed_at = 0, 0.0
    return SpooledJob(
        os.path.basename(folder), folder, state, owned, size, _acknowledged(folder), changed_at, result, job, reason
    )


def _acknowledged(folder: str) -> Optional[int]:
    try:
        return journal.acknowledged_bytes(os.path.join(folder, layout.CHUNKS))
    except (OSError, ValueError):
        return None
