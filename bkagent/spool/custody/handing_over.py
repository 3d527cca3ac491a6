"""Change in which session, and where, the job of an entry is delivered. The caller owns the entry.

All raise OSError and AgentError.
"""

from __future__ import annotations

from bkagent.spool import layout, shared_files
from bkagent.spool.agent_entry import AgentEntry
from bkagent.spool.custody import session_file
from bkagent.spool.custody.session_file import SessionFile
from bkagent.spool.manifest import JobManifest


def redirect(entry: AgentEntry, endpoint: str) -> None:
    """Let the agent that delivers the job reach the same control plane at another address."""
    session = entry.session
    if session is not None:
        note(entry, session._replace(endpoint=endpoint, agent_endpoint=endpoint))
    entry.rewrite(entry.job._replace(endpoint=endpoint))


def hand_to(entry: AgentEntry, other: JobManifest, session: SessionFile) -> None:
    """Let the job be delivered in a new session; `other` names the same job."""
    note(entry, session)
    entry.rewrite(
        entry.job._replace(
            endpoint=other.endpoint, token=other.token, agent_id=other.agent_id,
            agent_name=other.agent_name, heartbeat_interval_s=other.heartbeat_interval_s,
            request_headers=other.request_headers, job_status_interval_s=other.job_status_interval_s,
            disconnect_after_job=other.disconnect_after_job,
        )
    )  # fmt: skip


def note(entry: AgentEntry, session: SessionFile) -> None:
    """Write down, on the disk, in which session the job is delivered."""
    state_path = layout.state_of(entry.folder)
    session_file.write(state_path, session)
    shared_files.sync_session(entry.folder)


def take_in_older(entry: AgentEntry) -> None:
    """Give an owned entry of a release before this one the form of today: its session's token leaves `job.json`.

    Nothing is lent to it: its own endpoints and tokens are used, which its control plane knows or refuses.
    """
    if entry.session is None:
        session = session_file.from_older_entry(shared_files.read_text(entry.folder))
        if session is not None and session.job_id == entry.job_id:
            note(entry, session)
            entry.rewrite(entry.job)
