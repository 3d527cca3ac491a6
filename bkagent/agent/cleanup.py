"""Collect what is unused in a state folder: code and launchers of versions that are gone, sessions of jobs that are
over, logs kept too long, journals of uploads that were killed, and the sockets of jobs that were killed.

What is in the spool is never touched. Neither is a folder that a living process holds, or that was used a short
while ago; and while the spool has jobs of whatever version, code and launchers all stay.
"""

from __future__ import annotations

import os
import time
from typing import List, Tuple

from bkagent.config.launching import in_use_locks
from bkagent.localapi import socket_files
from bkagent.spool import layout
from bkagent.spool.custody import session_file
from bkagent.system import file_lock
from bkagent.wire.log_events import EventReport

DAY_S = 86_400.0
UNUSED_S = 14 * DAY_S
KEPT_S = 14 * DAY_S
KEPT_BYTES = 1024**3
UPLOADS_S = 3 * DAY_S
# From losing its mark, so that no command finds it any more, to the removal of a folder: commands that have just
# started from it have ended by then.
_LEAVE_S = 3600.0


def collect_unused(state_path: str, own: Tuple[str, ...], report: EventReport) -> None:
    """Remove unused code and launchers; `own` are the folders of this process."""
    now = time.time()
    own_paths = {os.path.realpath(folder) for folder in own}
    for kind in (in_use_locks.CODE, in_use_locks.BIN):
        for folder in layout.folders_in(os.path.join(state_path, kind)):
            if os.path.realpath(folder) in own_paths:
                continue
            try:
                if not os.path.exists(in_use_locks.mark_of(folder)):
                    if now - os.lstat(folder).st_mtime > _LEAVE_S:
                        layout.remove_folder(folder)
                elif _is_unused(folder, now):
                    text = f"{folder} has not been used for {UNUSED_S / DAY_S:.0f} days and is removed"
                    report("debug", text, "cleanup.code_removed")
            except OSError:
                continue


def collect_kept(state_path: str, report: EventReport) -> None:
    """Remove kept logs of jobs that are too old, and the oldest of those that take too much room together."""
    now = time.time()
    total = 0
    for kept_at, folder in sorted(_kept_logs(os.path.join(state_path, layout.KEPT)), reverse=True):
        total += _size(folder)
        if now - kept_at > KEPT_S or total > KEPT_BYTES:
            is_old = now - kept_at > KEPT_S
            why = f"older than {KEPT_S / DAY_S:.0f} days" if is_old else f"more than {KEPT_BYTES} bytes are kept"
            report("info", f"removed the kept log {folder}: {why}", "cleanup.log_removed")
            layout.remove_folder(folder)


def collect_sessions(state_path: str) -> None:
    """Remove what is written down of sessions whose jobs are not in the spool any more."""
    for job_id in session_file.names(state_path):
        try:
            age_s = time.time() - os.lstat(session_file.path_of(state_path, job_id)).st_mtime
            if age_s > _LEAVE_S and not os.path.lexists(os.path.join(state_path, layout.SPOOL, job_id)):
                session_file.remove(state_path, job_id)
        except OSError:
            continue


def collect_upload_journals(state_path: str) -> None:
    """Remove the journals of artifact uploads that were killed, and that nobody has gone on with for days."""
    folder = os.path.join(state_path, layout.UPLOADS)
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for path in (os.path.join(folder, name) for name in names):
        try:
            if time.time() - os.lstat(path).st_mtime > UPLOADS_S and not file_lock.is_held(path):
                os.unlink(path)
        except OSError:
            continue


def collect_sockets(sockets_path: str, temporary_path: str) -> None:
    """Remove the sockets of jobs that were killed a day or more ago."""
    for folder in socket_files.job_folders(sockets_path, temporary_path):
        socket_files.remove_dead_job_sockets(folder)


def _is_unused(folder: str, now: float) -> bool:
    """Take the mark off an unused folder; what has lost it is removed at a later look. Raises OSError."""
    path = in_use_locks.mark_of(folder)
    if now - os.stat(path).st_mtime <= UNUSED_S:
        return False
    fd = os.open(path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
    try:
        # Checked again under the lock: another process may just have begun to use it.
        if not file_lock.try_lock(fd) or now - os.fstat(fd).st_mtime <= UNUSED_S:
            return False
        try:
            os.unlink(path)
            return True
        except PermissionError:
            pass  # Windows removes no open file
    finally:
        os.close(fd)
    os.unlink(path)
    return True


def _kept_logs(path: str) -> List[Tuple[float, str]]:
    kept_logs = []
    for folder in layout.folders_in(path):
        try:
            kept_logs.append((os.lstat(folder).st_mtime, folder))
        except OSError:
            pass
    return kept_logs


def _size(folder: str) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_size
            except OSError:
                pass
    return total
