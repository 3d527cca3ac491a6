"""The spool entry as its job process holds it."""

from __future__ import annotations

import os
import threading
import time
from typing import Optional

from bkagent.errors import AgentError, WireError
from bkagent.named_tuple import NamedTuple
from bkagent.spool import layout, result
from bkagent.spool.background_sync import BackgroundSync, CallLater, call_on_own_thread
from bkagent.spool.full_disk_writer import HELD_UP_S, FullDiskWriter
from bkagent.spool.manifest import JobManifest
from bkagent.spool.result import Result
from bkagent.spool.shared_files import cancel_reason, heartbeat_age_s, read_text, sync_session
from bkagent.spool.synced_file import SyncedFile
from bkagent.system import file_lock, wake
from bkagent.system.durable import replace_file, sync_folder, sync_path
from bkagent.system.plain_file import open_plain

_POSTED_WITHIN_S = 0.1
# An agent whose control plane is near is done in three to five milliseconds, and waits for the process then.
_FIRST_LOOK_S, _LATER_BY = 0.001, 1.25


class JobFile(NamedTuple):
    """The file of an entry that describes its job, as it is and as it is meant."""

    text: str
    job: JobManifest


def read_job_file(folder: str) -> JobFile:
    """Return what an entry says of its job, which stays as it is. Raises WireError."""
    text = read_text(folder)
    return JobFile(text, JobManifest.from_text(text))


def attach(
    folder: str, held_up_s: float = HELD_UP_S, call_later: CallLater = call_on_own_thread,
    job_file: Optional[JobFile] = None,
) -> "JobEntry":  # fmt: skip
    """Make this process the job process of an entry. `held_up_s` is how long a full disk may hold it up.

    `call_later` is what has the log brought to the disk. Who has read the job's file gives it as `job_file`.

    Raises AgentError when another is or was, OSError, WireError.
    """
    alive = file_lock.open_lock(os.path.join(folder, layout.ALIVE))
    try:
        if not file_lock.lock_soon(alive):
            raise AgentError(f"another process runs the job in {folder}")
        # Looked at under the lock: an agent that gave the job up did so holding it.
        if result.read(folder) is not None or os.path.exists(os.path.join(folder, layout.PID)):
            raise AgentError(f"the job in {folder} has run already")
        if job_file is not None and not os.path.exists(os.path.join(folder, layout.JOB)):
            raise AgentError(f"the job in {folder} was removed before it began")
        return JobEntry(folder, alive, held_up_s, call_later, job_file)
    except (AgentError, OSError):
        os.close(alive)
        raise


class JobEntry:
    """Appends to the log and leaves the result. Thread-safe. Made by `attach`."""

    def __init__(
        self, folder: str, alive: int, held_up_s: float = HELD_UP_S, call_later: CallLater = call_on_own_thread,
        job_file: Optional[JobFile] = None,
    ) -> None:  # fmt: skip
        self.folder = folder
        self._job_text, self.job = job_file or read_job_file(folder)
        self._alive = alive
        self._lock = threading.Lock()
        self._ringer = wake.Ringer(os.path.join(folder, layout.WAKE))
        self._log = open_plain(os.path.join(folder, layout.LOG), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._writer = FullDiskWriter(self._log, os.path.join(folder, layout.RESERVE), held_up_s)
        replace_file(os.path.join(folder, layout.PID), f"{os.getpid()}\n".encode(), to_disk=False)
        self._synced_log = SyncedFile(self._log)
        self._outcome: Optional[Result] = None
        self._is_new = True
        self._closed = False
        self._syncing = BackgroundSync(self._sync_with_entry, call_later)
        self._ringer.ring()

    def append(self, data: bytes) -> None:
        """Add bytes to the log; what happens on a full disk is in `full_disk_writer`."""
        with self._lock:
            if self._closed:
                raise ValueError("the log is closed")
            self._writer.append(data)
            self._ringer.ring()
        self._syncing.note_write()

    def sync(self) -> None:
        """Bring what was appended to the disk. Happens by itself once a second."""
        self._synced_log.sync()

    def finish(self, outcome: Result) -> None:
        """Leave the result. Nothing may be appended afterwards. `bring_to_disk` comes after `close`.

        On the disk the result always comes after the log. A sync takes longer than a request to the control plane,
        so an agent of this boot reads the result before it is synced: waiting would make nothing safer.
        """
        self._outcome = outcome
        with self._lock:
            self._writer.finish()
        self._mend_job_file()
        if not result.announce(self.folder, outcome):
            self.sync()
            result.write(self.folder, outcome)
        self._ringer.ring()

    def close(self) -> None:
        """Let go of the entry, so that the agent finishes the job without waiting for this process to be gone.

        A sync that is under way goes on and is not waited for: a slow disk must not hold up the end of a job.
        """
        with self._lock:
            if self._closed:
                return
            self._closed = True
            os.close(self._log)
            self._synced_log.close()
            os.close(self._alive)
            self._ringer.ring()
            self._ringer.close()
        self._syncing.close()

    def bring_to_disk(self) -> None:
        """See to it that the end of a closed entry is on the disk, unless the agent is done with it before that."""
        if self._is_soon_gone():
            return
        try:
            sync_session(self.folder)
            for name in (layout.JOB, layout.LOG):
                sync_path(os.path.join(self.folder, name))
            if self._outcome is not None:
                result.write(self.folder, self._outcome)
            sync_folder(os.path.dirname(self.folder))
        except OSError:
            pass  # removed in this moment, or a disk that is beyond help
        if not self._is_there():
            layout.remove_folder(self.folder)  # what this call may have put into it while it was being removed

    def _is_soon_gone(self) -> bool:
        """Wait for the agent, which is done with the entry in milliseconds as a rule; return whether it is."""
        deadline_s, pause_s = time.monotonic() + _POSTED_WITHIN_S, _FIRST_LOOK_S
        while self._is_there():
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                return False
            time.sleep(min(pause_s, left_s))
            pause_s *= _LATER_BY
        return True

    def _is_there(self) -> bool:
        names = (layout.JOB, layout.JOB_ASIDE)
        return any(os.path.exists(os.path.join(self.folder, name)) for name in names)

    def heartbeat_age_s(self, now: float) -> float:
        """Return the seconds since the session's last accepted heartbeat; `now` as by time.time()."""
        return heartbeat_age_s(self.folder, now)

    def cancel_reason(self) -> Optional[str]:
        """Return why an agent has asked the job to end, None where none has."""
        return cancel_reason(self.folder)

    def _mend_job_file(self) -> None:
        """Rewrite a damaged job file from what this process knows: without it no agent could deliver the result."""
        try:
            present_text = read_text(self.folder)
            if present_text != self._job_text:
                JobManifest.from_text(present_text)
        except WireError:
            text = self.job.to_text().encode("utf-8", "surrogateescape")
            try:
                replace_file(os.path.join(self.folder, layout.JOB), text)
            except OSError:
                pass  # the next time; what the job prints and leaves must not wait for it

    def _sync_with_entry(self) -> None:
        self._mend_job_file()
        self.sync()
        # The entry itself was made in a hurry; it gets to the disk with its first second of log.
        if self._is_new:
            sync_session(self.folder)
            sync_path(os.path.join(self.folder, layout.JOB))
            sync_folder(self.folder)
            sync_folder(os.path.dirname(self.folder))
            self._is_new = False
