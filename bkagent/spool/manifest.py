"""`job.json`: all that a job process needs to know from the agent. It comes by file, never by environment.

The job can read it, so it has no token but the job's own; the session's is in `session_file`.
"""

from typing import Mapping, NamedTuple, Tuple

from bkagent.errors import WireError
from bkagent.spool import checked_fields


class JobManifest(NamedTuple):
    """One job as the agent hands it over. Tokens are kept out of `repr`."""

    job_id: str
    endpoint: str
    token: str  # the job's own
    agent_id: str = ""
    agent_name: str = ""
    heartbeat_interval_s: float = 60.0
    lost_after_s: float = 180.0  # without a heartbeat for so long, the job may be handed out again
    job_status_interval_s: float = 1.0
    request_headers: Mapping[str, str] = {}
    chunk_max_bytes: int = 102_400
    chunk_interval_s: float = 1.0
    log_max_bytes: int = 0  # 0: no limit is known
    ansi_timestamps: bool = True
    timestamp_lines: bool = False  # has an effect only without ansi_timestamps
    pty: bool = True
    pty_raw: bool = False
    cancel_grace_s: float = 10.0
    signal_grace_s: float = 9.0
    cancel_signal: str = "SIGTERM"
    overrides_zero_exit: bool = False  # exit status 1 for a cancelled job whose process ended with 0
    disconnect_after_job: bool = False
    leftovers: str = "report"  # or "end"
    bootstrap_script: str = ""  # "": our own phases
    started_at: str = ""  # RFC 3339
    sockets_path: str = ""
    allowed_repositories: Tuple[str, ...] = ()  # patterns; the repository is held against them before the checkout
    user_agent: str = ""
    log_tmpfile: str = ""  # a copy of the log for as long as the job runs
    log_copy: str = ""  # a copy that stays
    log_fields: Mapping[str, str] = {}  # about the job, where its output is shown as JSON

    def __repr__(self) -> str:
        return f"JobManifest({self.job_id!r})"

    def to_text(self) -> str:
        """Return the JSON text of `job.json`."""
        return checked_fields.to_text(self)

    @classmethod
    def from_text(cls, text: str) -> "JobManifest":
        """Read `job.json`. Unknown keys pass, missing ones take their default. Raises WireError naming the field."""
        fields = checked_fields.read_fields(cls, checked_fields.parse_object(text, "job.json"), "job.json")
        if fields.chunk_max_bytes < 1:
            raise WireError("job.json: chunk_max_bytes must be at least 1")
        return fields
