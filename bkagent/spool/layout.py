"""The names inside a spool entry, and which names can be an entry at all."""

import os

from bkagent.errors import AgentError
from bkagent.system import plain_file

SPOOL, KEPT = "spool", "kept"  # beside each other in a state folder
SESSIONS = "sessions"  # beside them: what only agents may know of the jobs in the spool
UPLOADS = "uploads"  # beside them: the journals of artifact uploads that run or were killed
JOB = "job.json"
JOB_ASIDE = "job.json.new"  # an entry that is still being built; it is one from the moment this is renamed
LOG = "log"
CHUNKS = "chunks"
ALIVE = "alive"
OWNER = "owner"
PID = "pid"
WAKE = "wake"
CANCEL = "cancel"
HEARTBEAT = "heartbeat"
RESERVE = "reserve"  # room on the disk for the end of the log
STDERR = "stderr"  # what the job process says when it cannot even write its log
HEADERS = "headers"  # how many times of group headers were told
KEPT_REASON = "reason"
JOB_ENV_PREFIX = "job-env-"  # the files that describe the job to containers, secrets among them

_JOB_ID_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"
_JOB_ID_LENGTH = 128


def folder_of(spool_path: str, job_id: str) -> str:
    """Return the folder of a job's entry. Raises AgentError for an id that is no plain name: it comes from outside."""
    if not is_job_id(job_id):
        raise AgentError(f"the job id {job_id!r} cannot name a folder; letters, digits, '-', '_' and '.' are legal")
    return os.path.join(spool_path, job_id)


def is_job_id(name: str) -> bool:
    """Return whether a name can be that of a job's entry."""
    is_plain = not name.strip(_JOB_ID_LETTERS + ".-") and 0 < len(name) <= _JOB_ID_LENGTH
    return is_plain and name[0] in _JOB_ID_LETTERS and not name.endswith(".")


def state_of(entry_folder: str) -> str:
    """Return the state folder of an entry."""
    return os.path.dirname(os.path.dirname(entry_folder))


def is_entry(spool_path: str, name: str) -> bool:
    """Return whether a name in the spool folder is a complete entry: a folder of this user with a job in it."""
    folder = os.path.join(spool_path, name)
    return (
        is_job_id(name)
        and plain_file.is_own_folder(folder)
        and plain_file.is_plain(os.path.join(folder, JOB))
        and not os.path.lexists(os.path.join(folder, KEPT_REASON))
    )


def folders_in(path: str) -> "list[str]":
    """Return the paths of the folders in a folder, by name; none where it cannot be read. Links do not count."""
    try:
        return sorted(entry.path for entry in os.scandir(path) if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []


def remove_folder(folder: str) -> None:
    """Remove a folder of the state, as far as that goes; what stays is swept later. A link is not followed."""
    if os.path.islink(folder):
        return
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                os.unlink(entry.path)
        os.rmdir(folder)
    except OSError:
        import shutil  # here: that of a job's entry has files alone as a rule, and this is a lot to load for it

        shutil.rmtree(folder, ignore_errors=True)
