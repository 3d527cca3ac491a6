"""The small files of a spool entry that both sides read: the job, a wish to cancel, the last heartbeat."""

from __future__ import annotations

import os
from typing import Optional

from bkagent.errors import WireError
from bkagent.spool import layout
from bkagent.spool.manifest import JobManifest
from bkagent.system.durable import replace_file, sync_folder, sync_path
from bkagent.system.plain_file import open_plain, read_plain

_LONGEST_JOB_FILE_BYTES = 16 * 1024 * 1024
CANCEL, AGENT_STOP = "cancel", "agent_stop"  # what the file `cancel` may say


def sync_session(folder: str) -> None:
    """Bring to the disk which session took the job of an entry, beside which that lies. Raises OSError.

    To be called before `job.json` is brought there, which counts for nothing without it. One that is gone is no error.
    """
    state_path = layout.state_of(folder)
    sessions = os.path.join(state_path, layout.SESSIONS)
    try:
        sync_path(os.path.join(sessions, os.path.basename(folder)))
        sync_folder(sessions)
        sync_folder(state_path)
    except FileNotFoundError:
        pass


def read_job(folder: str) -> JobManifest:
    """Return the job of an entry. Raises WireError, also for a file that cannot be read."""
    return JobManifest.from_text(read_text(folder))


def read_text(folder: str) -> str:
    """Return `job.json` as it is. Raises WireError where it cannot be read."""
    path = os.path.join(folder, layout.JOB)
    try:
        return read_plain(path, _LONGEST_JOB_FILE_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise WireError(f"{path} cannot be read: {problem}") from problem


def cancel_reason(folder: str) -> Optional[str]:
    """Return why the job shall end ("cancel" or "agent_stop"), or None while it may run."""
    try:
        with open(os.path.join(folder, layout.CANCEL), encoding="utf-8", errors="replace", opener=open_plain) as file:
            return file.read(100).strip() or CANCEL
    except OSError:
        return None


def request_cancel(folder: str, reason: str) -> None:
    """Leave a wish to cancel. A stop of the agent replaces an earlier reason, nothing replaces it. Raises OSError."""
    if cancel_reason(folder) in (None, CANCEL):
        replace_file(os.path.join(folder, layout.CANCEL), f"{reason}\n".encode(), to_disk=False)


def heartbeat_age_s(folder: str, now: float) -> float:
    """Return the seconds since the last accepted heartbeat of the session; `now` as by time.time()."""
    try:
        return max(0.0, now - os.stat(os.path.join(folder, layout.HEARTBEAT)).st_mtime)
    except OSError:
        return float("inf")


def touch_heartbeat(folder: str) -> None:
    """Note that a heartbeat was accepted now. Raises OSError."""
    path = os.path.join(folder, layout.HEARTBEAT)
    os.close(open_plain(path, os.O_WRONLY | os.O_CREAT))
    os.utime(path)
