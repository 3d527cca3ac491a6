"""The spool: a folder per job, the border between agents and job processes.

An agent creates an entry, or takes one without an owner; the job process attaches to it. If either side dies, the other
finds everything there.
"""

from __future__ import annotations

import os
import time
from typing import List, Optional

from bkagent.errors import AgentError
from bkagent.spool import layout
from bkagent.spool.agent_entry import AgentEntry
from bkagent.spool.custody import session_file
from bkagent.spool.custody.session_file import SessionFile
from bkagent.spool.manifest import JobManifest
from bkagent.spool.shared_files import touch_heartbeat
from bkagent.system import file_lock, plain_file, private_folder, renaming, wake

STRANGE = "it is a link, or nothing that an agent puts there"
_BUILDING = ".new-"
_RUBBISH_AGE_S = 3600.0  # far longer than building or removing an entry takes


def create(spool_path: str, job: JobManifest, session: Optional[SessionFile] = None) -> AgentEntry:
    """Make the entry of a job, owned by the caller; `session` took the job, and lives in no file of the entry.

    Raises AgentError when the spool already has it, and OSError.
    """
    folder = layout.folder_of(spool_path, job.job_id)
    os.makedirs(spool_path, mode=private_folder.INNER_MODE, exist_ok=True)
    aside = os.path.join(spool_path, f"{_BUILDING}{os.getpid()}-{os.urandom(6).hex()}")
    os.mkdir(aside, private_folder.INNER_MODE)
    try:
        for name in (layout.LOG, layout.CHUNKS, layout.ALIVE, layout.OWNER):
            os.close(file_lock.open_lock(os.path.join(aside, name)))
        wake.make(os.path.join(aside, layout.WAKE))
        touch_heartbeat(aside)
        with open(os.path.join(aside, layout.JOB_ASIDE), "x", encoding="utf-8") as file:
            os.chmod(file.fileno() if os.chmod in os.supports_fd else file.name, 0o600)
            file.write(job.to_text())
        # rename() puts a folder over an empty one without a word, so look first.
        if os.path.lexists(folder):
            raise AgentError(f"the job {job.job_id} is in the spool already: {folder}")
        renaming.rename(aside, folder)
    except (AgentError, OSError):
        layout.remove_folder(aside)
        raise
    return _publish(folder, job, session or session_file.of_job(job))


def _publish(folder: str, job: JobManifest, session: SessionFile) -> AgentEntry:
    """Own the folder, and only then let it count as an entry, so that no other agent can take it first."""
    owner = file_lock.open_lock(os.path.join(folder, layout.OWNER))
    if not file_lock.lock_soon(owner):
        os.close(owner)
        raise AgentError(f"another process holds {folder}, which has just been made")
    try:
        session_file.write(layout.state_of(folder), session)
        renaming.rename(os.path.join(folder, layout.JOB_ASIDE), os.path.join(folder, layout.JOB))
    except (AgentError, OSError):
        layout.remove_folder(folder)
        os.close(owner)
        raise
    return AgentEntry(folder, owner, job)


def find(spool_path: str, job_id: str) -> Optional[AgentEntry]:
    """Return the spool's folder of a job's id, not owned and not validated yet; None when it is missing.

    Raises AgentError for an id that cannot be a name.
    """
    folder = layout.folder_of(spool_path, job_id)
    return AgentEntry(folder) if os.path.lexists(folder) else None


def entries(spool_path: str) -> List[AgentEntry]:
    """Return the entries of the spool, not owned yet, in the order of their names. A missing spool is empty.

    Raises AgentError where it cannot be read.
    """
    try:
        names = sorted(os.listdir(spool_path))
    except FileNotFoundError:
        return []
    except OSError as problem:
        raise AgentError(f"the spool {spool_path} cannot be read: {problem.strerror}") from problem
    for name in names:
        if not layout.is_entry(spool_path, name):
            _sweep(os.path.join(spool_path, name))
    return [AgentEntry(os.path.join(spool_path, name)) for name in names if layout.is_entry(spool_path, name)]


def strangers(spool_path: str) -> List[str]:
    """Return the paths of what bears the name of a job and cannot be its entry: links, files, folders of others."""
    try:
        names = sorted(filter(layout.is_job_id, os.listdir(spool_path)))
    except OSError:
        return []
    return [path for path in (os.path.join(spool_path, name) for name in names) if is_stranger(path)]


def is_stranger(path: str) -> bool:
    """Return whether something stands at a path of the spool that no agent has put there."""
    job = os.path.join(path, layout.JOB)
    if not os.path.lexists(path):
        return False
    return not plain_file.is_own_folder(path) or (os.path.lexists(job) and not plain_file.is_plain(job))


def _sweep(folder: str) -> None:
    """Remove what an agent left that died while it built or removed an entry."""
    try:
        age_s = time.time() - os.lstat(folder).st_mtime
        useful = os.path.exists(os.path.join(folder, layout.KEPT_REASON)) or not os.path.isdir(folder)
        if age_s > _RUBBISH_AGE_S and not useful and not file_lock.is_held(os.path.join(folder, layout.OWNER)):
            layout.remove_folder(folder)
    except OSError:
        pass
