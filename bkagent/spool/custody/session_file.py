"""`sessions/JOB` in a state folder: what an agent that takes a job over must know, and the job must not.

It lies outside the job's entry, whose folder is named in the job's variables. An entry whose `job.json` does not agree
with it was made by no agent of this state folder.
"""

import os
from typing import List, Mapping, NamedTuple, Optional

from bkagent.errors import WireError
from bkagent.spool import checked_fields, layout
from bkagent.spool.manifest import JobManifest
from bkagent.system import private_folder, small_digests
from bkagent.system.durable import replace_file
from bkagent.system.plain_file import read_plain

_LONGEST_BYTES = 1024 * 1024


class SessionFile(NamedTuple):
    """The session that took a job. Tokens are kept out of `repr`.

    endpoint, token                what the job's requests go to, and with what
    agent_endpoint, agent_token    the same of the session; "" where it is not known, and not kept alive
    """

    job_id: str
    endpoint: str
    token: str
    agent_endpoint: str = ""
    agent_token: str = ""
    request_headers: Mapping[str, str] = {}
    heartbeat_interval_s: float = 60.0

    def __repr__(self) -> str:
        return f"SessionFile({self.job_id!r})"


def of_job(job: JobManifest, agent_endpoint: str = "", agent_token: str = "") -> SessionFile:
    """Return the session that took a job."""
    return SessionFile(
        job.job_id, job.endpoint, job.token, agent_endpoint, agent_token, job.request_headers, job.heartbeat_interval_s
    )


def path_of(state_path: str, job_id: str) -> str:
    """Return where the session of a job is written down."""
    return os.path.join(state_path, layout.SESSIONS, job_id)


def write(state_path: str, session: SessionFile) -> None:
    """Write a session down, for this user alone; `sync_session` brings it to the disk. Raises OSError, ConfigError."""
    private_folder.make(os.path.join(state_path, layout.SESSIONS))
    text = checked_fields.to_text(session)
    replace_file(path_of(state_path, session.job_id), text.encode("utf-8", "surrogateescape"), to_disk=False)


def read(state_path: str, job_id: str) -> Optional[SessionFile]:
    """Return the session that took a job; None where the file is missing. Raises WireError for a damaged file."""
    path = path_of(state_path, job_id)
    try:
        text = read_plain(path, _LONGEST_BYTES).decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise WireError(f"{path} cannot be read: {problem}") from problem
    return checked_fields.read_fields(SessionFile, checked_fields.parse_object(text, path), path)


def remove(state_path: str, job_id: str) -> None:
    """Forget the session of a job. Raises OSError, but not for one that is gone."""
    try:
        os.unlink(path_of(state_path, job_id))
    except FileNotFoundError:
        pass


def names(state_path: str) -> List[str]:
    """Return the jobs whose sessions are written down."""
    try:
        return sorted(filter(layout.is_job_id, os.listdir(os.path.join(state_path, layout.SESSIONS))))
    except OSError:
        return []


def from_older_entry(text: str) -> Optional[SessionFile]:
    """Return the session that a release before this one wrote into `job.json`; None where it is missing.

    Raises WireError.
    """
    document = checked_fields.parse_object(text, layout.JOB)
    if not document.get("agent_token"):
        return None
    return checked_fields.read_fields(SessionFile, document, layout.JOB)


def is_same_token(token: str, other: str) -> bool:
    """Return whether two tokens are the same, and are tokens at all. Takes as long however much of them is."""
    return bool(token) and small_digests.is_equal(_bytes(token), _bytes(other))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
