"""A spool entry as agents see it: who runs the job, who uploads its log, how it ended."""

from __future__ import annotations

import os
from typing import Optional

from bkagent.errors import AgentError
from bkagent.spool import layout, result, shared_files
from bkagent.spool.custody import session_file
from bkagent.spool.custody.session_file import SessionFile
from bkagent.spool.manifest import JobManifest
from bkagent.spool.process_watch import ProcessWatch
from bkagent.spool.result import Result
from bkagent.spool.shared_files import request_cancel, touch_heartbeat
from bkagent.system import file_lock, wake
from bkagent.system.durable import replace_file, sync_path
from bkagent.system.plain_file import open_plain


class AgentEntry:
    """One job in the spool; `process` tells of its job process.

    Everything that changes an entry needs ownership (`try_own`), which one agent at a time has.
    """

    def __init__(self, folder: str, owner: int = -1, job: Optional[JobManifest] = None) -> None:
        self.folder = folder
        self.job_id = os.path.basename(folder)
        self.process = ProcessWatch(folder)
        self._owner = owner
        self._job = job

    @property
    def job(self) -> JobManifest:
        """The job as the agent that took it wrote it down. Raises WireError when it is damaged."""
        if self._job is None:
            self._job = shared_files.read_job(self.folder)
        return self._job

    @property
    def session(self) -> Optional[SessionFile]:
        """The session that took the job, None where its file is missing. Raises WireError when it is damaged."""
        return session_file.read(layout.state_of(self.folder), self.job_id)

    @property
    def log_path(self) -> str:
        return self._path(layout.LOG)

    @property
    def chunks_path(self) -> str:
        return self._path(layout.CHUNKS)

    @property
    def owned(self) -> bool:
        return self._owner >= 0

    def try_own(self) -> bool:
        """Take ownership if no agent has it; false too when the entry is gone."""
        if self.owned:
            return True
        path = self._path(layout.OWNER)
        try:
            fd = file_lock.open_lock(path)
        except OSError:
            return False
        # Looked at under the lock: the last owner may just have removed the entry.
        try:
            if file_lock.try_lock(fd) and self.is_entry() and _is_at(fd, path):
                self._owner, fd = fd, -1
            return self.owned
        finally:
            if fd >= 0:
                os.close(fd)

    def release(self) -> None:
        """Give ownership back, so that another agent may go on with the entry."""
        if self.owned:
            os.close(self._owner)
            self._owner = -1

    def is_entry(self) -> bool:
        """Return whether the folder is a complete entry; false for what is left of one."""
        return layout.is_entry(*os.path.split(self.folder))

    def in_use(self) -> bool:
        """Return whether an agent or a job process holds it, entry or not."""
        return self.process.alive() or file_lock.is_held(self._path(layout.OWNER))

    # What agents and the job process tell each other

    def request_cancel(self, reason: str) -> None:
        """Write down why the job shall end: "cancel" or "agent_stop". Signalling the job process comes after this."""
        request_cancel(self.folder, reason)

    def cancel_reason(self) -> Optional[str]:
        """Return the reason written by `request_cancel`, or None."""
        return shared_files.cancel_reason(self.folder)

    def heartbeat(self) -> None:
        """Note that the control plane has accepted a heartbeat of the session that took the job."""
        touch_heartbeat(self.folder)

    def result(self) -> Optional[Result]:
        """Return how the job ended, or None. Raises WireError for a damaged file."""
        return result.read(self.folder)

    def settle(self, outcome: Result, overrule: bool = False) -> bool:
        """Write the result in place of a job process that could not start or was lost. False when there is one.

        `overrule` replaces one that there is. Raises AgentError while a job process lives, OSError.
        """
        with _WhileNotRunning(self):
            if result.exists(self.folder) and not overrule:
                return False
            sync_path(self.log_path)
            result.write(self.folder, outcome)
        self.ring()
        return True

    # The log

    def log_size(self) -> int:
        """Return the size of the log in bytes."""
        try:
            return os.lstat(self.log_path).st_size
        except FileNotFoundError:
            return 0

    def append(self, data: bytes) -> None:
        """Add the agent's own bytes to the log. Raises AgentError while a job process lives: only it may write then."""
        with _WhileNotRunning(self), open(self.log_path, "ab", buffering=0, opener=open_plain) as log:
            at = 0
            while at < len(data):
                at += log.write(data[at:]) or 0
        self.ring()

    def listener(self) -> wake.Listener:
        """Return the bell that rings when the log grows, and when the job process comes and goes. Raises OSError."""
        return wake.Listener(self._path(layout.WAKE))

    def ring(self) -> None:
        """Wake the uploader of this log."""
        ringer = wake.Ringer(self._path(layout.WAKE))
        ringer.ring()
        ringer.close()

    # The end of the entry

    def remove(self) -> None:
        """Remove the entry after its finish was acknowledged. Raises OSError."""
        os.unlink(self._path(layout.JOB))  # from here on it is no entry, whatever happens next
        session_file.remove(layout.state_of(self.folder), self.job_id)
        self.release()
        layout.remove_folder(self.folder)

    def rewrite(self, job: JobManifest) -> None:
        """Put another `job.json` in place. Raises OSError."""
        replace_file(self._path(layout.JOB), job.to_text().encode("utf-8", "surrogateescape"))
        self._job = job

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, name)


def _is_at(fd: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path))
    except OSError:
        return False


class _WhileNotRunning:
    """Holds `alive` in place of a job process. Raises AgentError when one lives."""

    def __init__(self, entry: AgentEntry) -> None:
        self._folder = entry.folder
        self._fd = -1

    def __enter__(self) -> None:
        self._fd = file_lock.open_lock(os.path.join(self._folder, layout.ALIVE))
        if not file_lock.lock_soon(self._fd):
            os.close(self._fd)
            raise AgentError(f"a job process still runs the job in {self._folder}")

    def __exit__(self, *_problem: object) -> None:
        os.close(self._fd)
