"""Report an accepted job as failed when its spool entry cannot be made."""

from __future__ import annotations

import time
from typing import Callable

from bkagent.agent.jobs import outcome
from bkagent.errors import AgentError
from bkagent.remote.client import Client
from bkagent.remote.worker import chunks, jobs
from bkagent.wire.finish import Finish
from bkagent.wire.gzip_body import compressor
from bkagent.wire.log_events import EventReport
from bkagent.wire.timestamps import rfc3339

Wait = Callable[[float], bool]


def report_unrunnable(
    client: Client, job_id: str, why: str, *, wait: Wait, report: EventReport, leaves: bool
) -> Finish:
    """Start the job and finish it at once as one that could not be run; `why` becomes its log. Raises AgentError."""
    now = rfc3339(time.time_ns())
    jobs.start(client, job_id, now, wait=wait, report=report)
    line = f"Error running job: {why}\n".encode("utf-8", "surrogateescape")
    failed_count = 0
    try:
        chunks.upload(client, job_id, 1, 0, len(line), _gzip(line))
    except AgentError as problem:
        report("warn", f"could not upload the reason why job {job_id} failed: {problem}", "job.reason_not_uploaded")
        failed_count = 1
    finish = outcome.finish_for(outcome.lost(now), None, failed_count, leaves)
    jobs.finish(client, job_id, finish, wait=wait, report=report)
    return finish


def _gzip(data: bytes) -> bytes:
    packer = compressor(1)
    return packer.compress(data) + packer.flush()
