"""The facts about a job that the parts of its start share."""

from typing import Mapping, Tuple

from bkagent.agent.jobs.job_files import JobFiles
from bkagent.agent.settings import JobSettings
from bkagent.named_tuple import NamedTuple
from bkagent.wire.accepted_job import AcceptedJob


class JobStart(NamedTuple):
    """One job on its way to its process.

    endpoint, token      what the job's own requests go to, and with what
    request_headers      what the control plane wants on every request
    files                what describes the job to programs outside it
    own_env, left_out    the job's own variables as it may have them, and the names of the others
    log_tmpfile          a copy of the log while the job runs, "" for none
    """

    job: AcceptedJob
    settings: JobSettings
    endpoint: str
    token: str
    request_headers: Mapping[str, str]
    files: JobFiles
    agent_pid: int
    own_env: Mapping[str, str]
    left_out: Tuple[str, ...]
    log_tmpfile: str = ""

    def __repr__(self) -> str:
        return f"JobStart({self.job!r})"  # without the token
