"""The facts about a job that the parts of its start share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Mapping

from bkagent.agent.jobs.job_files import JobFiles
from bkagent.agent.settings import JobSettings
from bkagent.wire.accepted_job import AcceptedJob


@dataclass(frozen=True)
class JobStart:
    """One job on its way to its process.

    endpoint, token      what the job's own requests go to, and with what
    request_headers      what the control plane wants on every request
    files                what describes the job to programs outside it
    log_tmpfile          a copy of the log while the job runs, "" for none
    """

    job: AcceptedJob
    settings: JobSettings
    endpoint: str
    token: str = field(repr=False)
    request_headers: Mapping[str, str]
    files: JobFiles
    agent_pid: int
    log_tmpfile: str = ""
