"""The names inside a spool entry, and which names can be an entry at all."""

import os
import re

from bkagent.errors import AgentError

SPOOL, KEPT = "spool", "kept"  # beside each other in a state folder
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
HEADERS = "headers"  # how many times of group headers were told
KEPT_REASON = "reason"
JOB_ENV_PREFIX = "job-env-"  # the files that describe the job to containers, secrets among them

_JOB_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


def folder_of(spool_path: str, job_id: str) -> str:
    """Return the folder of a job's entry. Raises AgentError for an id that is no plain name: it comes from outside."""
    if not _JOB_ID.fullmatch(job_id) or job_id.endswith("."):
        raise AgentError(f"the job id {job_id!r} cannot name a folder; letters, digits, '-', '_' and '.' are legal")
    return os.path.join(spool_path, job_id)


def is_entry(spool_path: str, name: str) -> bool:
    """Return whether a name in the spool folder is a complete entry."""
    folder = os.path.join(spool_path, name)
    return (
        bool(_JOB_ID.fullmatch(name))
        and os.path.isfile(os.path.join(folder, JOB))
        and not os.path.exists(os.path.join(folder, KEPT_REASON))
    )


def remove_folder(folder: str) -> None:
    """Remove an entry's folder, as far as that goes; what stays is swept later."""
    # Loaded here: a job process, which starts with every job, removes no entries.
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
